//! What a signer does with the ledger: acquire, fetch, renew, store, abandon.
//!
//! Each call is one statement in a transaction of its own, made on one connection that one task
//! owns: no lock outlives a statement, none is shared between tasks, and a frozen signer holds
//! nothing but its lease.

mod payloads;
mod signer_run;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row};
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::connect::LedgerUrl;
use crate::error::StoreError;
use crate::query::Query;
use crate::{migrate, query};

pub use self::payloads::Payloads;
pub use self::signer_run::SignerRun;

/// How long storing a batch may take before the connection is given up.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of signatures that one statement stores; a batch with more takes several, in one transaction.
const STORE_CHUNK: usize = 4 << 20;

/// Bytes of payload that [`SignerSession::fetch_part`] reads at a time. It bounds a signer's memory, whatever the
/// size of batches and records.
const PART_BYTES: i64 = 4 << 20;

/// SQLSTATE of `batch_store` for a lease that is no longer the caller's.
const LEASE_LOST: &str = "CH001";

/// One signer's right to one key for one batch.
#[derive(Debug)]
pub struct Lease {
    /// The lease's own id: every later call names it.
    pub id: i64,
    /// The key.
    pub key: Uuid,
    /// The key's private part, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The batch, 1..M.
    pub batch: i64,
    /// The batch's first record, 1..N.
    pub first_record: i64,
    /// The batch's last record.
    pub last_record: i64,
    /// Sum of the lengths of the batch's payloads.
    pub payload_bytes: i64,
    /// Position in the order of all leases of the keyring.
    pub use_sequence: i64,
    /// How long it was granted for.
    pub duration: Duration,
}

impl Lease {
    /// Number of records in the batch.
    #[must_use]
    pub fn records(&self) -> u64 {
        (self.last_record - self.first_record + 1).unsigned_abs()
    }

    /// How far a part that begins at the record `first` may reach: as many records as fit into a part if all are of
    /// the batch's average size, and at least one. None when the whole batch fits into one part.
    ///
    /// Reading the batch in such parts looks at each record at most three times, however the sizes are distributed:
    /// of the parts that end because their bytes are used up, two neighbours hold more than a part's bytes.
    fn last_of_part(&self, first: i64) -> Option<i64> {
        if self.payload_bytes <= PART_BYTES {
            return None;
        }
        let records = self.last_record - self.first_record + 1;
        let fit = PART_BYTES.saturating_mul(records) / self.payload_bytes;
        Some(first.saturating_add(fit.max(1) - 1).min(self.last_record))
    }
}

/// What asking for a lease came to.
#[derive(Debug)]
pub enum Acquired {
    /// A key and a batch; not to be used before [`SignerSession::fetch`] has returned.
    Leased(Lease),
    /// The keyring has no key yet, or all its keys are in use: ask again later.
    NoKey,
    /// There is no batch to sign yet, or other signers hold all that are left: ask again later.
    NoBatch,
    /// The run is sealed, and every batch is signed.
    Complete,
    /// The run is suspended.
    Suspended,
    /// The run is being deleted, or gone.
    Gone,
}

/// A signer's connection. After an error of [`StoreError::is_transient`] it is of no more use: make a new one.
#[derive(Debug)]
pub struct SignerSession {
    connection: PgConnection,
    run: i32,
    /// Namespace and name.
    run_name: (String, String),
    holder: String,
    fetch: Arc<str>,
    fetch_part: Arc<str>,
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
        let run = SignerRun::find(&mut connection, namespace, name).await?;
        let session = Self {
            connection,
            run: run.id,
            run_name: (namespace.to_owned(), name.to_owned()),
            holder: holder.to_owned(),
            fetch: of_partition(query::records_fetch, run.id),
            fetch_part: of_partition(query::records_fetch_part, run.id),
            use_floor: 0,
            batch_floor: 1,
        };
        Ok((session, run))
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
        let statement = query::lease_acquire
            .rows()
            .bind(self.run)
            .bind(&self.holder)
            .bind(self.use_floor)
            .bind(self.batch_floor);
        let row: PgRow =
            answered(query::lease_acquire.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        // On a ring whose keys are all gone there is no lowest use.
        self.use_floor = row.get::<Option<i64>, _>("use_floor").unwrap_or(self.use_floor);
        self.batch_floor = row.get("batch_floor");
        let expired = row.get("expired");
        let acquired = match row.get::<&str, _>("answer") {
            "leased" => Acquired::Leased(Lease {
                id: row.get("lease_id"),
                key: row.get("key_id"),
                wrapped_key: row.get::<Option<_>, _>("wrapped_key").unwrap_or_default(),
                batch: row.get("batch"),
                first_record: row.get("first_record"),
                last_record: row.get("last_record"),
                payload_bytes: row.get("payload_bytes"),
                use_sequence: row.get("use_sequence"),
                duration: Duration::from_secs_f64(row.get("lease_seconds")),
            }),
            "no_key" => Acquired::NoKey,
            "no_batch" => Acquired::NoBatch,
            "complete" => Acquired::Complete,
            "suspended" => Acquired::Suspended,
            "deleted" | "unknown" => Acquired::Gone,
            other => return Err(StoreError::Corrupt(format!("lease_acquire answered {other:?}"))),
        };
        Ok((acquired, expired))
    }

    /// The public key that the ledger holds for a key, as SubjectPublicKeyInfo in DER. Empty when it holds
    /// none.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn public_key(&mut self, key: Uuid) -> Result<Vec<u8>, StoreError> {
        let statement = query::public_key.scalars().bind(key);
        let found =
            answered(query::public_key.name, SHORT, statement.fetch_optional(&mut self.connection)).await?;
        Ok(found.unwrap_or_default())
    }

    /// Reads the payloads of the records `first..=last` into `payloads`, and makes sure on the way
    /// that every lease acquired on this connection is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when a record is missing, [`StoreError::NoRun`] when all are, because the run
    /// has just been deleted.
    pub async fn fetch(&mut self, first: i64, last: i64, payloads: &mut Payloads) -> Result<(), StoreError> {
        payloads.clear();
        let reading = async {
            let mut rows = sqlx::query(AssertSqlSafe(Arc::clone(&self.fetch)))
                .bind(first)
                .bind(last)
                .fetch(&mut self.connection);
            // To the very end of the stream: the server says that it committed only after the last row.
            while let Some(row) = rows.try_next().await? {
                payloads.push(row.try_get(0)?);
            }
            Ok(())
        };
        let read = answered(query::records_fetch.name, SHORT, reading).await;
        self.unless_deleted(read).await?;
        let wanted = last - first + 1;
        if i64::try_from(payloads.len()).is_ok_and(|found| found == wanted) {
            Ok(())
        } else {
            Err(StoreError::Corrupt(format!(
                "of the records {first} to {last}, {} are there instead of {wanted}",
                payloads.len()
            )))
        }
    }

    /// Reads payloads of the lease's batch into `payloads`, as [`SignerSession::fetch`] does: from the record
    /// `first` on, at least one, and at most 4 MiB unless the first record alone is larger. Returns how many
    /// records these are.
    ///
    /// # Errors
    ///
    /// Those of [`SignerSession::fetch`].
    pub async fn fetch_part(
        &mut self,
        lease: &Lease,
        first: i64,
        payloads: &mut Payloads,
    ) -> Result<i64, StoreError> {
        let Some(last) = lease.last_of_part(first) else {
            self.fetch(first, lease.last_record, payloads).await?;
            return Ok(lease.last_record - first + 1);
        };
        payloads.clear();
        let mut next = first;
        let reading = async {
            let mut rows = sqlx::query(AssertSqlSafe(Arc::clone(&self.fetch_part)))
                .bind(first)
                .bind(last)
                .bind(PART_BYTES)
                .fetch(&mut self.connection);
            let mut has_gap = false;
            // To the very end, as in `fetch`.
            while let Some(row) = rows.try_next().await? {
                has_gap |= row.try_get::<i64, _>(1)? != next;
                if !has_gap {
                    payloads.push(row.try_get(0)?);
                    next += 1;
                }
            }
            Ok(has_gap)
        };
        let read = answered(query::records_fetch_part.name, SHORT, reading).await;
        let has_gap = self.unless_deleted(read).await?;
        // The next part finds out whether the record is missing before which this one ended.
        if has_gap || next == first {
            return Err(StoreError::Corrupt(format!("record {next} is missing in batch {}", lease.batch)));
        }
        Ok(next - first)
    }

    /// Prolongs a lease, and tells for how long from now on. None when it is no longer ours.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn renew(&mut self, lease: i64) -> Result<Option<Duration>, StoreError> {
        let statement = query::lease_renew.scalars::<Option<f64>>().bind(lease);
        let seconds =
            answered(query::lease_renew.name, SHORT, statement.fetch_one(&mut self.connection)).await?;
        Ok(seconds.map(Duration::from_secs_f64))
    }

    /// Stores all signatures of a lease's batch, in the order of its records, and closes the lease:
    /// all or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, [`StoreError::NoRun`] when the run was
    /// deleted: nothing was stored. After a transient error it is not known whether the batch was stored; the
    /// ledger knows.
    pub async fn store(&mut self, lease: &Lease, signatures: &[&[u8]]) -> Result<(), StoreError> {
        let signature_len = signatures.first().map_or(1, |signature| signature.len().max(1));
        let chunk = (STORE_CHUNK / signature_len).max(1);
        let storing = async {
            if signatures.len() <= chunk {
                store_chunk(&mut self.connection, lease.id, lease.first_record, signatures, true).await?;
                return Ok(true);
            }
            // Storing takes long: it begins with a whole lease duration ahead of it. From its first part on
            // it holds the lease's row, so that nobody takes the batch over.
            let renewed: Option<f64> =
                query::lease_renew.scalars().bind(lease.id).fetch_one(&mut self.connection).await?;
            if renewed.is_none() {
                return Ok(false);
            }
            let mut transaction = self.connection.begin().await?;
            let mut first = lease.first_record;
            let mut chunks = signatures.chunks(chunk).peekable();
            while let Some(part) = chunks.next() {
                store_chunk(&mut transaction, lease.id, first, part, chunks.peek().is_none()).await?;
                first = first.saturating_add_unsigned(part.len() as u64);
            }
            transaction.commit().await?;
            Ok(true)
        };
        let stored = match answered(query::batch_store.name, STORE_TIMEOUT, storing).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::LeaseLost(lease.id)),
            Err(error) if error.is_refusal(LEASE_LOST) => Err(StoreError::LeaseLost(lease.id)),
            Err(error) => Err(error),
        };
        self.unless_deleted(stored).await
    }

    /// Gives key and batch back unsigned, at once. False when the lease had ended already.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn abandon(&mut self, lease: i64) -> Result<bool, StoreError> {
        let statement = query::lease_abandon.scalars().bind(lease);
        answered(query::lease_abandon.name, SHORT, statement.fetch_one(&mut self.connection)).await
    }

    /// Passes on what came of a statement; in place of a refusal [`StoreError::NoRun`] if the run was deleted
    /// meanwhile. A deletion takes a run's tables away one by one, so the refusal depends on how far it is:
    /// there is no partition for the row, no such table, no such batch.
    async fn unless_deleted<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let Err(error @ StoreError::Query { .. }) = result else { return result };
        let (namespace, name) = &self.run_name;
        match SignerRun::find(&mut self.connection, namespace, name).await {
            Err(StoreError::NoRun(name)) => Err(StoreError::NoRun(name)),
            // Another run may have the name by now.
            Ok(run) if run.deleted || run.id != self.run => {
                Err(StoreError::NoRun(format!("{namespace}/{name}")))
            }
            Ok(_) | Err(_) => Err(error),
        }
    }
}

/// A query for one run, whose own partition takes the place of all records; see `records_fetch`. The name is
/// made of letters and the run's number.
fn of_partition(query: Query, run: i32) -> Arc<str> {
    query.sql.replace("chancery.records r", &format!("chancery.records_{run} r")).into()
}

async fn store_chunk(
    connection: &mut PgConnection,
    lease: i64,
    first: i64,
    signatures: &[&[u8]],
    last: bool,
) -> Result<(), sqlx::Error> {
    query::batch_store
        .rows()
        .bind(lease)
        .bind(first)
        .bind(signatures)
        .bind(last)
        .execute(connection)
        .await
        .map(|_| ())
}
