//! An intake's connection.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Admission, Admitted, Held, Reading, Refusal, Task, judgement};
use crate::answer::{SHORT, answered};
use crate::connect::{Ledger, LedgerUrl};
use crate::error::StoreError;
use crate::lease::Token;
use crate::policy::PolicyText;
use crate::row::from_row;
use crate::run::Run;
use crate::{identity, migrate, query};

/// Splits that are told to the ledger at a time.
const SPLITS_AT_ONCE: usize = 1_000;

/// An intake's connection. After an error of [`StoreError::is_transient`] it is of no more use: make a new one.
#[derive(Debug)]
pub struct IntakeSession {
    pub(super) connection: PgConnection,
    run: IntakeRun,
    pub(super) holder: String,
}

/// The run that an intake admits records to, as far as intakes may know it.
#[derive(Clone, Debug)]
pub struct IntakeRun {
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
    /// Whose value names a payload, if the run knows them by that.
    pub expression: Option<String>,
    /// Whether programs push to it: then nothing is read.
    pub pushed: bool,
}

from_row!(IntakeRun { id, uid, ledger_uid, namespace, name, deleted, expression, pushed });

impl IntakeSession {
    /// Connects, checks the ledger's version, and finds the run. `holder` names the intake in the ledger.
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
    /// [`StoreError::OtherLedger`], [`StoreError::NoRun`], or those of [`IntakeSession::connect`].
    pub async fn connect_again(url: &LedgerUrl, run: &IntakeRun, holder: &str) -> Result<Self, StoreError> {
        let mut connection = identity::connect_again(url, run.ledger_uid, holder).await?;
        let found = find(&mut connection, &run.namespace, &run.name).await?;
        if found.uid != run.uid {
            return Err(StoreError::NoRun(format!("{}/{}", run.namespace, run.name)));
        }
        Ok(Self { connection, run: found, holder: holder.to_owned() })
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> &IntakeRun {
        &self.run
    }

    /// What judges the arrivals of the run; none if nothing does.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn policy(&mut self) -> Result<Option<PolicyText>, StoreError> {
        let statement = query::intake_policy.rows_as();
        answered(query::intake_policy.name, SHORT, statement.fetch_optional(&mut self.connection)).await
    }

    /// What is to be done next. What is given is this holder's until it is given back, done, or its time has run out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn next(&mut self) -> Result<Task, StoreError> {
        let token = Token::random();
        let statement = query::intake_next.rows().bind(&self.holder).bind(token.hash());
        let row = answered(query::intake_next.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Task::of(&row, token)
    }

    /// Stores what a listing found: each part, as JSON, with the position at which it begins. From then on the parts are
    /// read. False when the listing is no longer this holder's: then it counts for nothing.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn listed(
        &mut self,
        held: &Held,
        splits: impl Iterator<Item = (String, i64)>,
    ) -> Result<bool, StoreError> {
        let mut splits = splits.peekable();
        let mut first = 1_i32;
        while splits.peek().is_some() {
            let (parts, starts): (Vec<String>, Vec<i64>) = splits.by_ref().take(SPLITS_AT_ONCE).unzip();
            let statement = query::splits_add
                .scalars::<bool>()
                .bind(held.source)
                .bind(held.token.as_bytes())
                .bind(first)
                .bind(&parts)
                .bind(&starts);
            if !answered(query::splits_add.name, SHORT, statement.fetch_one(&mut self.connection)).await? {
                return Ok(false);
            }
            first += i32::try_from(parts.len()).unwrap_or(i32::MAX);
        }
        let statement =
            query::source_listed.scalars().bind(held.source).bind(held.token.as_bytes()).bind(first - 1);
        answered(query::source_listed.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Admits what was read of a split. None when somebody else reads it by now, or has read on: nothing was admitted
    /// then.
    ///
    /// # Errors
    ///
    /// Within: why nothing is admitted to this run now. Else a database that is away or refuses.
    pub async fn admit(
        &mut self,
        reading: &Reading,
        admission: &Admission,
    ) -> Result<Result<Option<Admitted>, Refusal>, StoreError> {
        let Admission { position, next, key, done, payloads, positions, identities, dead, judgement, traces } =
            admission;
        let statement = query::admit
            .rows()
            .bind(reading.held.source)
            .bind(reading.held.split)
            .bind(reading.held.token.as_bytes())
            .bind(position)
            .bind(next)
            .bind(key.as_deref().unwrap_or_default())
            .bind(done)
            .bind(payloads.each())
            .bind(positions)
            .bind(identities.each())
            .bind(dead.iter().map(|dead| dead.position).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| dead.stage.as_deref()).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| dead.reason.as_str()).collect::<Vec<_>>())
            .bind(dead.iter().map(|dead| &dead.raw[..]).collect::<Vec<_>>());
        let statement = judgement::bind(statement, judgement.as_ref(), payloads.len(), dead)
            .bind(&traces.first)
            .bind(&traces.last)
            .bind(&traces.traceparents);
        let row = answered(query::admit.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        let answer: &str = row.get("answer");
        if let Some(refusal) = Refusal::of(answer) {
            return Ok(Err(refusal));
        }
        let counted = |column| row.get::<Option<i64>, _>(column).unwrap_or(0).unsigned_abs();
        match answer {
            "moved" => Ok(Ok(None)),
            "admitted" | "full" => Ok(Ok(Some(Admitted {
                records: counted("admitted"),
                duplicates: counted("duplicates"),
                dead: counted("dead"),
                rejected: counted("rejected"),
                position: row.get("start_at"),
                done: row.get::<Option<bool>, _>("done").unwrap_or(false),
                full: answer == "full",
            }))),
            other => Err(StoreError::Corrupt(format!("admit answered {other:?}"))),
        }
    }

    /// Prolongs what this holder has. False when it is no longer this holder's.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn renew(&mut self, held: &Held) -> Result<bool, StoreError> {
        let statement =
            query::intake_renew.scalars().bind(held.source).bind(held.split).bind(held.token.as_bytes());
        answered(query::intake_renew.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Gives back what this holder has. With an error, it is left alone for a while: that is a failure of it. False when
    /// it was no longer this holder's.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn give_back(
        &mut self,
        held: &Held,
        failure: Option<(&str, Duration)>,
    ) -> Result<bool, StoreError> {
        let statement = query::intake_give_back
            .scalars()
            .bind(held.source)
            .bind(held.split)
            .bind(held.token.as_bytes())
            .bind(failure.map(|(error, _)| error))
            .bind(failure.map(|(_, pause)| pause.as_secs_f64()));
        answered(query::intake_give_back.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }
}

impl Ledger {
    /// Gives back at once what intakes that are known to be dead have of a run. Returns how much that was.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn release_intakes(&self, run: &Run, holders: &[String]) -> Result<i64, StoreError> {
        self.ask(query::intake_release, async |query, connection| {
            query.scalars().bind(run.id).bind(holders).fetch_one(connection).await
        })
        .await
    }
}

async fn find(connection: &mut PgConnection, namespace: &str, name: &str) -> Result<IntakeRun, StoreError> {
    let statement = query::intake_run.rows_as().bind(namespace).bind(name);
    answered(query::intake_run.name, SHORT, statement.fetch_optional(connection))
        .await?
        .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
}
