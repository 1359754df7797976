//! A delivery's connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{DeliveryTask, SignedRecord, TakenDeliveries};
use crate::answer::{SHORT, answered};
use crate::connect::{Ledger, LedgerUrl};
use crate::error::StoreError;
use crate::lease::Token;
use crate::row::from_row;
use crate::run::Run;
use crate::{identity, migrate, query};

/// A delivery's connection. After an error of [`StoreError::is_transient`] it is of no more use: make a new one.
#[derive(Debug)]
pub struct DeliverySession {
    pub(super) connection: PgConnection,
    run: DeliveryRun,
    pub(super) holder: String,
}

/// The run whose batches a delivery brings to sinks, as far as deliveries may know it.
#[derive(Clone, Debug)]
pub struct DeliveryRun {
    /// The ledger's own number of the run.
    pub id: i32,
    /// The run's identity: one that is made anew under its name has another.
    pub uid: Uuid,
    /// The ledger's identity: one that is made anew in its place has another.
    pub ledger_uid: Uuid,
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// Whether the run is being deleted.
    pub deleted: bool,
    /// JOSE name of the algorithm that it is signed with.
    pub algorithm: String,
    /// What is signed around a payload.
    pub envelope: String,
    /// Of what type what is in the envelope is, where that says so.
    pub content_type: Option<String>,
}

from_row!(DeliveryRun { id, uid, ledger_uid, namespace, name, deleted, algorithm, envelope, content_type });

/// A sink of the run, for whoever brings batches there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkWork {
    /// Its number in the run.
    pub sink: i32,
    /// Its name.
    pub name: String,
    /// What the manifest says of it, as JSON.
    pub description: String,
    /// Whether it takes batches only in their order.
    pub ordered: bool,
    /// With so many refusals, a batch is given up.
    pub attempt_limit: i32,
}

from_row!(SinkWork { sink, name, description, ordered, attempt_limit });

/// A batch that a sink has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digested {
    /// Its number.
    pub batch: i64,
    /// What the sink knows it by.
    pub object: String,
    /// SHA-256 of what was delivered, before it was compressed.
    pub digest: [u8; 32],
}

/// A batch that a sink refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub batch: i64,
    /// What the sink said.
    pub error: String,
    /// For how long it is left alone.
    pub pause: Duration,
}

impl DeliverySession {
    /// Connects, checks the ledger's version, and finds the run. `holder` names the delivery in the ledger.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`], a ledger of another version, or whatever keeps the server from being used.
    pub async fn connect(
        url: &LedgerUrl,
        namespace: &str,
        name: &str,
        holder: &str,
    ) -> Result<Self, StoreError> {
        let mut connection = url.clone().named(holder).connect(SHORT).await?;
        migrate::check_version(&mut connection).await?;
        let run = find(&mut connection, namespace, name).await?;
        Ok(Self { connection, run, holder: holder.to_owned() })
    }

    /// Connects once more for the same run, and makes sure that it is the same, in the same ledger.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherLedger`], [`StoreError::NoRun`], or those of [`DeliverySession::connect`].
    pub async fn connect_again(url: &LedgerUrl, run: &DeliveryRun, holder: &str) -> Result<Self, StoreError> {
        let mut connection = identity::connect_again(url, run.ledger_uid, holder).await?;
        let found = find(&mut connection, &run.namespace, &run.name).await?;
        if found.uid != run.uid {
            return Err(StoreError::NoRun(format!("{}/{}", run.namespace, run.name)));
        }
        Ok(Self { connection, run: found, holder: holder.to_owned() })
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> &DeliveryRun {
        &self.run
    }

    /// Its sinks, in the order of the manifest.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sinks(&mut self) -> Result<Vec<SinkWork>, StoreError> {
        let statement = query::delivery_sinks.rows_as();
        answered(query::delivery_sinks.name, SHORT, statement.fetch_all(&mut self.connection)).await
    }

    /// Takes batches that are due for a sink, at most so many. They are this holder's for that long.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn take(
        &mut self,
        sink: i32,
        most: i32,
        duration: Duration,
    ) -> Result<DeliveryTask, StoreError> {
        let token = Token::random();
        let statement = query::delivery_take
            .rows()
            .bind(sink)
            .bind(&self.holder)
            .bind(token.hash())
            .bind(most)
            .bind(duration.as_secs_f64());
        let rows =
            answered(query::delivery_take.name, SHORT, statement.fetch_all(&mut self.connection)).await?;
        DeliveryTask::of(sink, &rows, token)
    }

    /// Prolongs what this holder has of them. Returns how many of them are still its own.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn renew(
        &mut self,
        taken: &TakenDeliveries,
        batches: &[i64],
        duration: Duration,
    ) -> Result<i64, StoreError> {
        let statement = query::delivery_renew
            .scalars()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(batches)
            .bind(duration.as_secs_f64());
        answered(query::delivery_renew.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// The records of batches behind this one, up to the one with which their payloads have so many bytes. None when the batches have no
    /// more, or the first of them is somebody else's by now; those of the first alone if another one of them is.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn records(
        &mut self,
        taken: &TakenDeliveries,
        batches: RangeInclusive<i64>,
        after: i64,
        bytes: i64,
    ) -> Result<Vec<SignedRecord>, StoreError> {
        let statement = query::delivery_records
            .rows_as()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(*batches.start())
            .bind(*batches.end())
            .bind(after)
            .bind(bytes);
        answered(query::delivery_records.name, SHORT, statement.fetch_all(&mut self.connection)).await
    }

    /// Says that the sink has these. Returns how many of them were this holder's, and are settled.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle(&mut self, taken: &TakenDeliveries, there: &[Digested]) -> Result<i64, StoreError> {
        let statement = query::delivery_settle
            .scalars()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(there.iter().map(|one| one.batch).collect::<Vec<_>>())
            .bind(there.iter().map(|one| one.object.as_str()).collect::<Vec<_>>())
            .bind(there.iter().map(|one| &one.digest[..]).collect::<Vec<_>>());
        answered(query::delivery_settle.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Says that the sink refused these: that counts. Returns how many are handed out again, and how many are dead letters.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn fail(
        &mut self,
        taken: &TakenDeliveries,
        refused: &[Refused],
    ) -> Result<(i64, i64), StoreError> {
        let statement = query::delivery_fail
            .rows()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(refused.iter().map(|one| one.batch).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.error.as_str()).collect::<Vec<_>>())
            .bind(refused.iter().map(|one| one.pause.as_secs_f64()).collect::<Vec<_>>());
        let row =
            answered(query::delivery_fail.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Ok((row.get("put_off"), row.get("dead")))
    }

    /// Gives these back: no attempt counts. With an error, since the sink cannot be reached: it is left alone for that long. Returns how
    /// many of them were this holder's.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn give_back(
        &mut self,
        taken: &TakenDeliveries,
        batches: &[i64],
        unavailable: Option<(&str, Duration)>,
    ) -> Result<i64, StoreError> {
        let statement = query::delivery_give_back
            .scalars()
            .bind(taken.sink)
            .bind(taken.token.as_bytes())
            .bind(batches)
            .bind(unavailable.map(|(error, _)| error))
            .bind(unavailable.map(|(_, pause)| pause.as_secs_f64()));
        answered(query::delivery_give_back.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }
}

impl Ledger {
    /// Gives back at once what deliveries that are known to be dead have of a run. Returns how many batches and events
    /// that were.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn release_deliveries(&self, run: &Run, holders: &[String]) -> Result<i64, StoreError> {
        self.ask(query::delivery_release, async |query, connection| {
            query.scalars().bind(run.id).bind(holders).fetch_one(connection).await
        })
        .await
    }
}

async fn find(connection: &mut PgConnection, namespace: &str, name: &str) -> Result<DeliveryRun, StoreError> {
    let statement = query::delivery_run.rows_as().bind(namespace).bind(name);
    answered(query::delivery_run.name, SHORT, statement.fetch_optional(connection))
        .await?
        .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
}
