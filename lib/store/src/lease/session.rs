//! A signer's connection: what it asks of the ledger about leases.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::fetch::of_partition;
use super::{Acquired, Lease, LeaseKey, SignerRun, Token};
use crate::answer::{SHORT, answered};
use crate::connect::LedgerUrl;
use crate::error::StoreError;
use crate::{migrate, query};

/// A signer's connection. After an error of [`StoreError::is_transient`] it is of no more use: make a new one.
#[derive(Debug)]
pub struct SignerSession {
    pub(super) connection: PgConnection,
    pub(super) run: SignerRun,
    holder: String,
    pub(super) fetch: Arc<str>,
    pub(super) fetch_part: Arc<str>,
    pub(super) store_fetch: Arc<str>,
    // Lower bounds learnt from earlier answers. They belong to the connection: after a fail-over to a
    // standby that lags behind they might be too high, so a new connection starts without them.
    use_floor: i64,
    batch_floor: i64,
}

impl SignerSession {
    /// Connects, checks the ledger's version, and finds the run. `holder` names the signer in the
    /// lease log.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`], a ledger of another version, or whatever keeps the server from being used.
    pub async fn connect(
        url: &LedgerUrl,
        namespace: &str,
        name: &str,
        holder: &str,
    ) -> Result<(Self, SignerRun), StoreError> {
        let mut connection = url.clone().named(holder).connect(SHORT).await?;
        migrate::check_version(&mut connection).await?;
        set_planner(&mut connection).await?;
        let run = SignerRun::find(&mut connection, namespace, name).await?;
        Ok((Self::new(connection, run.clone(), holder), run))
    }

    /// Connects once more for the same run, and makes sure that it is the same: in the ledger that it was first
    /// found in, and not made anew under its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherLedger`], [`StoreError::NoRun`], or those of [`SignerSession::connect`].
    pub async fn connect_again(url: &LedgerUrl, run: &SignerRun, holder: &str) -> Result<Self, StoreError> {
        let mut connection = url.clone().named(holder).connect(SHORT).await?;
        match migrate::check_version(&mut connection).await {
            // There was one when the run was found.
            Err(StoreError::OlderLedger { ledger: 0, .. }) => {
                return Err(StoreError::OtherLedger { was: run.ledger_uid, is: None });
            }
            other => other?,
        }
        run.is_still_there(&mut connection).await?;
        set_planner(&mut connection).await?;
        Ok(Self::new(connection, run.clone(), holder))
    }

    fn new(connection: PgConnection, run: SignerRun, holder: &str) -> Self {
        Self {
            connection,
            holder: holder.to_owned(),
            fetch: of_partition(query::records_fetch, run.id),
            fetch_part: of_partition(query::records_fetch_part, run.id),
            store_fetch: of_partition(query::batch_store_fetch, run.id),
            run,
            use_floor: 0,
            batch_floor: 1,
        }
    }

    /// Leases the least recently used free key for the next batch. The second number tells how many
    /// leases of others had run out and were taken back by this call.
    ///
    /// Must not be cancelled: a lease whose answer is not read stays open until it runs out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn acquire(&mut self) -> Result<(Acquired, i32), StoreError> {
        let token = Token::random();
        let statement = query::lease_acquire
            .rows()
            .bind(self.run.id)
            .bind(self.run.uid)
            .bind(&self.holder)
            .bind(token.hash())
            .bind(self.use_floor)
            .bind(self.batch_floor);
        let asked =
            answered(query::lease_acquire.name, SHORT, statement.fetch_one(&mut self.connection)).await;
        let row: PgRow = self.unless_gone(asked).await?;
        // On a ring whose keys are all gone there is no lowest use.
        self.use_floor = row.get::<Option<i64>, _>("use_floor").unwrap_or(self.use_floor);
        self.batch_floor = row.get("batch_floor");
        let expired = row.get("expired");
        let acquired = match row.get::<&str, _>("answer") {
            "leased" => Acquired::Leased(Lease {
                id: row.get("lease_id"),
                token,
                key: row.get("key_id"),
                wrapped_key_hash: row.get::<Option<_>, _>("wrapped_key_hash").unwrap_or_default(),
                batch: row.get("batch"),
                first_record: row.get("first_record"),
                last_record: row.get("last_record"),
                payload_bytes: row.get("payload_bytes"),
                use_sequence: row.get("use_sequence"),
                duration: Duration::from_secs_f64(row.get("lease_seconds")),
            }),
            "no_key" => Acquired::NoKey,
            "no_batch" => Acquired::NoBatch,
            "keys_missing" => Acquired::KeysMissing,
            "complete" => Acquired::Complete,
            "suspended" => Acquired::Suspended,
            "deleted" => Acquired::Gone,
            "unknown" => match self.run.is_still_there(&mut self.connection).await {
                Ok(()) | Err(StoreError::NoRun(_)) => Acquired::Gone,
                Err(error) => return Err(error),
            },
            other => return Err(StoreError::Corrupt(format!("lease_acquire answered {other:?}"))),
        };
        Ok((acquired, expired))
    }

    /// The key of a lease, in a transaction of its own: the ledger gives none out to whoever may still roll the lease
    /// back.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when the lease is no longer ours; a database that is away or refuses.
    pub async fn key(&mut self, lease: &Lease) -> Result<LeaseKey, StoreError> {
        let statement = query::lease_key.rows().bind(lease.id).bind(lease.token.as_bytes());
        let row = answered(query::lease_key.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        match (row.get("wrapped_key"), row.get("public_key")) {
            (Some(wrapped), Some(public)) => Ok(LeaseKey { wrapped, public }),
            _ => Err(StoreError::LeaseLost(lease.id)),
        }
    }

    /// Prolongs a lease, and tells for how long from now on. None when it is no longer ours. The commit waits for the
    /// disk, and with it for the lease itself.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn renew(&mut self, lease: &Lease) -> Result<Option<Duration>, StoreError> {
        let statement =
            query::lease_renew.scalars::<Option<f64>>().bind(lease.id).bind(lease.token.as_bytes());
        let seconds =
            answered(query::lease_renew.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Ok(seconds.map(Duration::from_secs_f64))
    }

    /// Gives key and batch back unsigned, at once. False when the lease had ended already.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn abandon(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        let statement = query::lease_abandon.scalars().bind(lease.id).bind(lease.token.as_bytes());
        answered(query::lease_abandon.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Passes on what came of a statement; in place of a refusal or a contradiction, that the run is gone or the
    /// ledger is another one, if that is why. A deletion takes a run's tables away one by one, so the refusal depends
    /// on how far it is: there is no partition for the row, no such table, function or batch. Of another ledger, a signer may
    /// read nothing.
    pub(super) async fn unless_gone<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let Err(
            error @ (StoreError::Query { .. }
            | StoreError::Corrupt(_)
            | StoreError::LacksRights(_)
            | StoreError::OtherFunctions { .. }),
        ) = result
        else {
            return result;
        };
        match self.run.is_still_there(&mut self.connection).await {
            Err(gone @ (StoreError::NoRun(_) | StoreError::OtherLedger { .. })) => Err(gone),
            Ok(()) | Err(_) => Err(error),
        }
    }
}

/// See the query.
async fn set_planner(connection: &mut PgConnection) -> Result<(), StoreError> {
    let settings = query::signer_settings.rows();
    answered(query::signer_settings.name, SHORT, settings.execute(connection)).await.map(|_| ())
}
