//! Runs: creating, finding, watching, deleting.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, FromRow, Row};
use uuid::Uuid;

use crate::answer::{LONG, SHORT, answered};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;

/// How long a deletion may wait for others that still read the run's tables.
const WHOLE_DELETION: Duration = Duration::from_secs(3600);

/// How long one statement of it may take: the server gives up first, unless it is out of reach.
const DELETION_ANSWER: Duration = WHOLE_DELETION.saturating_add(Duration::from_secs(10));

/// Bytes of payload that one seeding transaction writes at the most.
const SEED_CHUNK_BYTES: i64 = 4 << 20;

/// Records that one seeding transaction writes at the most.
const SEED_CHUNK_RECORDS: i64 = 10_000;

/// What a run is created with.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// Tells which KEK wraps the run's keys.
    pub kek_fingerprint: String,
    /// Number of records, N.
    pub record_count: i64,
    /// Bytes a record.
    pub record_size: i32,
    /// Number of keys, K.
    pub key_count: i32,
    /// Records a batch; the last batch may hold fewer.
    pub batch_size: i64,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys; none for the others.
    pub key_size: Option<i32>,
    /// How long a lease lasts before another signer may take the batch over.
    pub lease_duration: Duration,
    /// Whether nothing is to be leased for now.
    pub suspended: bool,
}

/// A run as it stands in the ledger.
#[derive(Clone, Debug, FromRow)]
pub struct Run {
    /// The ledger's own number of the run.
    pub id: i32,
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// The ledger's own number of the keyring.
    pub keyring_id: i32,
    /// The keyring's identity, bound into each of its wrapped keys.
    pub keyring_uid: Uuid,
    /// Tells which KEK wraps the run's keys.
    pub kek_fingerprint: String,
    /// Number of records, N.
    pub record_count: i64,
    /// Bytes a record.
    pub record_size: i32,
    /// Number of keys, K.
    pub key_count: i32,
    /// Records a batch.
    pub batch_size: i64,
    /// Number of batches, M.
    pub batch_count: i64,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys.
    pub key_size: Option<i32>,
    /// Records a seeding transaction.
    pub seed_chunk: i64,
    /// Whether nothing is to be leased for now.
    pub suspended: bool,
    /// Whether every key and record is there.
    pub seeded: bool,
    /// Whether every batch is signed.
    pub complete: bool,
    /// Whether the run is being deleted.
    pub deleted: bool,
}

impl Run {
    pub(crate) async fn find(
        connection: &mut PgConnection,
        namespace: &str,
        name: &str,
    ) -> Result<Self, StoreError> {
        let statement = sqlx::query_as(query::run_find).bind(namespace).bind(name);
        answered("run_find", SHORT, statement.fetch_optional(connection))
            .await?
            .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
    }

    /// Number of seeding transactions.
    #[must_use]
    pub fn chunks(&self) -> i64 {
        (self.record_count + self.seed_chunk - 1) / self.seed_chunk
    }
}

/// How far a run is, by the ledger's own count.
#[derive(Clone, Debug, FromRow)]
pub struct Progress {
    /// The ledger's own number of the run.
    pub id: i32,
    /// Records to be signed.
    pub record_count: i64,
    /// Batches to be signed.
    pub batch_count: i64,
    /// Keys that the ring is to have.
    pub key_count: i32,
    /// Records seeded.
    pub records_seeded: i64,
    /// Keys seeded.
    pub keys_seeded: i64,
    /// Batches signed.
    pub batches_signed: i64,
    /// Records signed.
    pub records_signed: i64,
    /// Batches in a signer's hands.
    pub batches_leased: i64,
    /// Keys in a signer's hands, in any run of the ring.
    pub keys_leased: i64,
    /// How long a lease lasts that is granted from now on, in seconds.
    pub lease_seconds: f64,
    /// Whether nothing is to be leased for now.
    pub suspended: bool,
    /// Whether every key and record is there.
    pub seeded: bool,
    /// Whether every batch is signed.
    pub complete: bool,
    /// Whether the run is being deleted.
    pub deleted: bool,
}

/// What the lease log tells about a run's signing.
#[derive(Clone, Debug, FromRow)]
pub struct Times {
    /// Seconds from the first lease to the last stored batch.
    pub signing_seconds: Option<f64>,
    /// Leases that ran out.
    pub expired: i64,
    /// Leases that were given back unsigned.
    pub abandoned: i64,
    /// Signers that stored at least one batch.
    pub holders: i64,
}

impl Ledger {
    /// Creates a run, or finds the one that has its name. True when it was created now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn create_run(&self, new: &NewRun) -> Result<(Run, bool), StoreError> {
        let seed_chunk = (SEED_CHUNK_BYTES / i64::from(new.record_size)).clamp(1, SEED_CHUNK_RECORDS);
        let created: bool = self
            .ask("run_create", async |connection| {
                sqlx::query(query::run_create)
                    .bind(&new.namespace)
                    .bind(&new.name)
                    .bind(&new.kek_fingerprint)
                    .bind(new.record_count)
                    .bind(new.record_size)
                    .bind(new.key_count)
                    .bind(new.batch_size)
                    .bind(&new.algorithm)
                    .bind(new.key_size)
                    .bind(new.lease_duration.as_secs_f64())
                    .bind(new.suspended)
                    .bind(seed_chunk)
                    .fetch_one(connection)
                    .await
            })
            .await?
            .get("created");
        Ok((self.find_run(&new.namespace, &new.name).await?, created))
    }

    /// Finds a run by its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there is none.
    pub async fn find_run(&self, namespace: &str, name: &str) -> Result<Run, StoreError> {
        self.lend(async |connection| Run::find(connection, namespace, name).await).await
    }

    /// Namespace and name of every run, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn list_runs(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.ask("run_list", async |connection| {
            sqlx::query(query::run_list)
                .map(|row: PgRow| (row.get("namespace"), row.get("name")))
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// Sets what may change while a run is under way.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn set_mutable(
        &self,
        run: &Run,
        suspended: bool,
        lease_duration: Duration,
    ) -> Result<(), StoreError> {
        self.ask("run_set_mutable", async |connection| {
            sqlx::query(query::run_set_mutable)
                .bind(run.id)
                .bind(suspended)
                .bind(lease_duration.as_secs_f64())
                .execute(connection)
                .await
        })
        .await
        .map(|_| ())
    }

    /// How far each of these runs is, in one query. Runs that are gone are left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn progress(&self, runs: &[i32]) -> Result<Vec<Progress>, StoreError> {
        self.ask("run_progress", async |connection| {
            sqlx::query_as(query::run_progress).bind(runs).fetch_all(connection).await
        })
        .await
    }

    /// What the lease log tells about the run's signing.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn times(&self, run: &Run) -> Result<Times, StoreError> {
        self.ask("run_times", async |connection| {
            sqlx::query_as(query::run_times).bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// Gives back at once what holders that are known to be dead still hold. Returns how many leases
    /// that were. A dead holder's last statement may still be on its way to the server: call again
    /// for a while.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn release_holders(&self, run: &Run, holders: &[String]) -> Result<i64, StoreError> {
        self.ask("holders_release", async |connection| {
            sqlx::query_scalar(query::holders_release).bind(run.id).bind(holders).fetch_one(connection).await
        })
        .await
    }

    /// Returns the keys of leases that have ended to the ring. Signers do so whenever they ask for a
    /// lease; after a run's last store nobody asks any more.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn settle(&self, run: &Run) -> Result<(), StoreError> {
        self.ask("run_settle", async |connection| {
            sqlx::query(query::run_settle).bind(run.id).execute(connection).await
        })
        .await
        .map(|_| ())
    }

    /// Holders that have a live lease in the run.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn live_holders(&self, run: &Run) -> Result<Vec<String>, StoreError> {
        self.ask("run_live_holders", async |connection| {
            sqlx::query_scalar(query::run_live_holders).bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// Deletes a run with all that belongs to it. Takes as long as dropping tables does, whatever the
    /// run's size, and does not stop the signers of other runs. An interrupted deletion is finished
    /// by calling again.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses; what was removed until then stays removed.
    pub async fn delete_run(&self, run: &Run) -> Result<(), StoreError> {
        self.ask("run_mark_deleted", async |connection| {
            sqlx::query(query::run_mark_deleted).bind(run.id).execute(connection).await
        })
        .await?;
        // DETACH … CONCURRENTLY waits for transactions that still use the table; on a connection of
        // its own, because it must not run inside a transaction.
        let mut connection = self.url.connect(WHOLE_DELETION).await?;
        // One deletion at a time: two would meet in the parents' detaching. Ends with the connection.
        let lock = sqlx::query(query::deletion_lock);
        answered("deletion_lock", DELETION_ANSWER, lock.execute(&mut connection)).await?;
        let partitions = sqlx::query(query::run_partitions).bind(run.id);
        let partitions = answered("run_partitions", LONG, partitions.fetch_all(&mut connection)).await?;
        for partition in partitions {
            let (table, parent): (String, String) = (partition.get("name"), partition.get("parent"));
            if partition.get("attached") {
                let how = if partition.get("detach_pending") { "FINALIZE" } else { "CONCURRENTLY" };
                run_ddl(
                    &mut connection,
                    format!("ALTER TABLE chancery.{parent} DETACH PARTITION chancery.{table} {how}"),
                )
                .await?;
            }
            if partition.get("own") {
                run_ddl(&mut connection, format!("DROP TABLE chancery.{table}")).await?;
            }
        }
        let removal = sqlx::query(query::run_remove).bind(run.id);
        answered("run_remove", DELETION_ANSWER, removal.execute(&mut connection)).await?;
        Ok(())
    }
}

/// Runs a statement on a run's own table, whose name is made of letters and the run's number.
async fn run_ddl(connection: &mut PgConnection, statement: String) -> Result<(), StoreError> {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    answered("removing a run's tables", DELETION_ANSWER, statement.execute(connection)).await.map(|_| ())
}
