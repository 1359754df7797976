//! Reading a run for its audit: every reader sees the ledger at one and the same instant.
//!
//! The first connection exports its snapshot, the others adopt it (PostgreSQL documentation,
//! "Snapshot Synchronization Functions"). So an audit may read in parallel while signers go on.

use std::time::Duration;

use futures::{Stream, TryStreamExt};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::connect::{Ledger, LedgerUrl};
use crate::error::StoreError;
use crate::query;
use crate::run::Run;

/// One instant of the ledger, kept readable for as long as this value lives.
#[derive(Debug)]
pub struct Snapshot {
    url: LedgerUrl,
    id: String,
    keeper: PgConnection,
}

/// A connection that reads at a [`Snapshot`]'s instant.
#[derive(Debug)]
pub struct Reader {
    connection: PgConnection,
}

/// A record beside its signature; either side may be missing.
#[derive(Debug, FromRow)]
pub struct RecordRow {
    /// Number of the record.
    pub record: i64,
    /// Where the record's row stands, if there is one.
    pub record_row: Option<String>,
    /// What was signed.
    pub payload: Option<Vec<u8>>,
    /// Where the signature's row stands, if there is one.
    pub signature_row: Option<String>,
    /// The signature.
    pub signature: Option<Vec<u8>>,
    /// The lease under which it was stored.
    pub lease_id: Option<i64>,
    /// That lease's key.
    pub key_id: Option<Uuid>,
    /// That lease's batch.
    pub lease_batch: Option<i64>,
    /// That lease's run.
    pub lease_run: Option<i32>,
    /// How that lease ended.
    pub lease_outcome: Option<String>,
}

/// A batch, and whether the lease it names is one of this very batch.
#[derive(Debug, FromRow)]
pub struct BatchRow {
    /// Number of the batch.
    pub batch: i64,
    /// Its first record.
    pub first_record: i64,
    /// Its last record.
    pub last_record: i64,
    /// `unsigned`, `leased` or `signed`.
    pub state: String,
    /// The lease it names.
    pub lease_id: Option<i64>,
    /// Whether that lease exists, is of this batch, and ended signed if the batch is signed; else is open.
    pub lease_fits: bool,
}

/// A row that has no place; `queries/audit_strays.sql` lists the kinds.
#[derive(Debug, FromRow)]
pub struct Stray {
    /// What it is: `record`, `lease of no run`.
    pub kind: String,
    /// Its number: of a lease its id; 0 for what has none.
    pub number: i64,
    /// Its name where the number does not tell, or what it clashes with.
    pub name: String,
}

/// A key of the ring.
#[derive(Debug, FromRow)]
pub struct KeyRow {
    /// The key's id.
    pub id: Uuid,
    /// Its number in the ring.
    pub number: i32,
    /// Use sequence of its newest lease; 0 before the first.
    pub last_use: i64,
    /// JOSE name of its algorithm, unless its material is missing.
    pub algorithm: Option<String>,
    /// SubjectPublicKeyInfo, DER, unless its material is missing.
    pub public_key: Option<Vec<u8>>,
}

/// A line of the lease log. Instants are microseconds since 1970 by the database's clock; infinite ones
/// are `i64::MIN` and `i64::MAX`.
#[derive(Debug, FromRow)]
pub struct LeaseRow {
    /// The lease's id.
    pub id: i64,
    /// The run it was for.
    pub run_id: i32,
    /// The batch it was for.
    pub batch: i64,
    /// The key.
    pub key_id: Uuid,
    /// Who had it.
    pub holder: String,
    /// Position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// When the key was chosen.
    pub acquired_at: i64,
    /// When it would run out.
    pub expires_at: i64,
    /// When the key went back to the ring.
    pub released_at: Option<i64>,
    /// Whether it says when its batch was stored.
    pub has_signed_at: bool,
    /// `signed`, `expired`, `abandoned`, or none while it is open.
    pub outcome: Option<String>,
}

/// A key that went back to its ring.
#[derive(Debug, FromRow)]
pub struct ReleaseRow {
    /// The lease's id.
    pub id: i64,
    /// The key.
    pub key_id: Uuid,
    /// Position of the lease in the order of all leases of the ring.
    pub use_sequence: i64,
    /// When, in microseconds since 1970.
    pub released_at: i64,
}

const WHOLE_AUDIT: Duration = Duration::from_secs(24 * 3600);

impl Ledger {
    /// Takes the ledger as it is now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut keeper = begin(&self.url, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()");
        let id = answered("pg_export_snapshot", SHORT, id.fetch_one(&mut keeper)).await?;
        Ok(Snapshot { url: self.url.clone(), id, keeper })
    }
}

async fn begin(url: &LedgerUrl, how: &'static str) -> Result<PgConnection, StoreError> {
    let mut connection = url.connect(WHOLE_AUDIT).await?;
    for statement in ["SET idle_in_transaction_session_timeout = 0", how] {
        let statement = sqlx::raw_sql(statement);
        answered("beginning an audit", SHORT, statement.execute(&mut connection)).await?;
    }
    Ok(connection)
}

impl Snapshot {
    /// Another reader of the same instant.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let mut connection = begin(&self.url, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        // The id comes from the server itself and is made of digits, letters and dashes.
        let adoption = sqlx::raw_sql(AssertSqlSafe(format!("SET TRANSACTION SNAPSHOT '{}'", self.id)));
        answered("adopting the audit's snapshot", SHORT, adoption.execute(&mut connection)).await?;
        Ok(Reader { connection })
    }

    /// The run as it was at that instant.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there was none.
    pub async fn run(&mut self, namespace: &str, name: &str) -> Result<Run, StoreError> {
        Run::find(&mut self.keeper, namespace, name).await
    }
}

impl Reader {
    /// The records `first..=last` with their signatures, in order.
    pub fn records(
        &mut self,
        run: &Run,
        first: i64,
        last: i64,
    ) -> impl Stream<Item = Result<RecordRow, StoreError>> {
        sqlx::query_as(query::audit_records)
            .bind(run.id)
            .bind(first)
            .bind(last)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of("audit_records", error))
    }

    /// The batches `first..=last`, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn batches(&mut self, run: &Run, first: i64, last: i64) -> Result<Vec<BatchRow>, StoreError> {
        sqlx::query_as(query::audit_batches)
            .bind(run.id)
            .bind(first)
            .bind(last)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of("audit_batches", error))
    }

    /// At most `limit` rows of each kind that have no place.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn strays(&mut self, run: &Run, limit: i64) -> Result<Vec<Stray>, StoreError> {
        sqlx::query_as(query::audit_strays)
            .bind(run.id)
            .bind(run.keyring_id)
            .bind(run.record_count)
            .bind(run.batch_count)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of("audit_strays", error))
    }

    /// The keys of the run's ring.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keys(&mut self, run: &Run) -> Result<Vec<KeyRow>, StoreError> {
        sqlx::query_as(query::audit_keys)
            .bind(run.keyring_id)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of("audit_keys", error))
    }

    /// The ring's lease log in the order of the leases.
    pub fn acquisitions(&mut self, run: &Run) -> impl Stream<Item = Result<LeaseRow, StoreError>> {
        sqlx::query_as(query::audit_lease_acquisitions)
            .bind(run.keyring_id)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of("audit_lease_acquisitions", error))
    }

    /// The ring's lease log in the order in which keys went back.
    pub fn releases(&mut self, run: &Run) -> impl Stream<Item = Result<ReleaseRow, StoreError>> {
        sqlx::query_as(query::audit_lease_releases)
            .bind(run.keyring_id)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of("audit_lease_releases", error))
    }
}
