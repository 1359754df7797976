//! Reading a run and its ring for their audit: every reader sees the ledger at one and the same instant.
//!
//! The first connection exports its snapshot, the others adopt it (PostgreSQL documentation,
//! "Snapshot Synchronization Functions"). So an audit may read in parallel while signers go on.
//!
//! A snapshot is one of rows, and which partitions a table has is none. So the first connection takes a lock
//! before its snapshot, for which a deletion waits: what the snapshot shows can be read to the end.

use std::time::Duration;

use futures::{Stream, TryStreamExt};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, FromRow};

use crate::answer::{LONG, SHORT, answered};
use crate::connect::{Ledger, LedgerUrl};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::query::{self, Query};
use crate::run::Run;

mod arrivals;
mod beside;
mod copied;
mod deliveries;
mod judged;
mod of_keyring;
mod records;
mod rows;

pub use judged::{JudgedPlace, JudgedRow, RefusedRow};
pub use of_keyring::RunOfKeyring;
pub use rows::{
    AdmissionRow, ArrivalFault, BatchRow, DeliveredRow, DeliveryFault, KeyRow, LeaseRow, ManifestRow,
    PAYLOAD_BYTES, RecordRow, ReleaseRow, Stray, WrittenRow,
};

/// One instant of the ledger, kept readable for as long as this value lives.
#[derive(Debug)]
pub struct Snapshot {
    url: LedgerUrl,
    id: String,
    keeper: PgConnection,
}

/// A connection that reads at a [`Snapshot`]'s instant, while that one lives.
#[derive(Debug)]
pub struct Reader {
    connection: PgConnection,
    snapshot: String,
}

const WHOLE_AUDIT: Duration = Duration::from_secs(24 * 3600);

impl Ledger {
    /// Takes the ledger as it is now. Until the snapshot is dropped, deletions of runs wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherLedger`]; a database that is away or refuses.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let url = self.url.clone().as_auditor_role();
        let mut keeper = url.connect(WHOLE_AUDIT).await?;
        self.recognise(&mut keeper).await?;
        pass_gate(&mut keeper).await?;
        begin(&mut keeper).await?;
        hold_tables(&mut keeper).await?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()");
        let id = answered("pg_export_snapshot", SHORT, id.fetch_one(&mut keeper)).await?;
        Ok(Snapshot { url, id, keeper })
    }
}

/// Begins a transaction that reads at one instant: that of its first query.
pub(crate) async fn begin(connection: &mut PgConnection) -> Result<(), StoreError> {
    for statement in [
        "SET idle_in_transaction_session_timeout = 0",
        // A plan for any run would have to lock the tables of all runs.
        "SET plan_cache_mode = force_custom_plan",
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ] {
        let statement = sqlx::raw_sql(statement);
        answered("beginning to read", SHORT, statement.execute(&mut *connection)).await?;
    }
    Ok(())
}

/// Lets a deletion go first that waits for audits.
pub(crate) async fn pass_gate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let gate = query::deletion_gate.rows();
    answered(query::deletion_gate.name, LONG, gate.execute(connection)).await.map(|_| ())
}

/// See the query. It has to come before all that takes a snapshot.
pub(crate) async fn hold_tables(connection: &mut PgConnection) -> Result<(), StoreError> {
    let hold = sqlx::raw_sql(query::tables_hold.sql);
    answered(query::tables_hold.name, LONG, hold.execute(connection)).await.map(|_| ())
}

impl Snapshot {
    /// Another reader of the same instant.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let mut reader =
            Reader { connection: self.url.connect(WHOLE_AUDIT).await?, snapshot: self.id.clone() };
        reader.begin().await?;
        Ok(reader)
    }

    /// The run as it was at that instant, and the ring that it signs with.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there was none, [`StoreError::BeingDeleted`] when its deletion had begun.
    pub async fn run(&mut self, namespace: &str, name: &str) -> Result<Run, StoreError> {
        Run::find(&mut self.keeper, namespace, name).await?.whole()
    }

    /// The keyring of this name as it was at that instant.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeyring`] when there was none.
    pub async fn keyring(&mut self, namespace: &str, name: &str) -> Result<Keyring, StoreError> {
        let statement = query::keyring_find.rows_as().bind(namespace).bind(name);
        answered(query::keyring_find.name, SHORT, statement.fetch_optional(&mut self.keeper))
            .await?
            .ok_or_else(|| StoreError::NoKeyring(format!("{namespace}/{name}")))
    }
}

impl Reader {
    pub(crate) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        begin(&mut self.connection).await?;
        // The id comes from the server itself and is made of digits, letters and dashes.
        let adoption = sqlx::raw_sql(AssertSqlSafe(format!("SET TRANSACTION SNAPSHOT '{}'", self.snapshot)));
        answered("adopting the audit's snapshot", SHORT, adoption.execute(&mut self.connection))
            .await
            .map(|_| ())
    }

    /// Gives back the locks of all tables that were read, and goes on at the same instant. A server has locks for
    /// a few thousand tables, and a ring may have more runs than that.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn begin_again(&mut self) -> Result<(), StoreError> {
        let end = sqlx::raw_sql("ROLLBACK");
        answered("beginning to read", SHORT, end.execute(&mut self.connection)).await?;
        self.begin().await
    }

    /// Rows that are found by one number, of a run or a ring.
    fn of<'c, T>(&'c mut self, query: Query, number: i32) -> impl Stream<Item = Result<T, StoreError>> + 'c
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'c,
    {
        query
            .rows_as()
            .bind(number)
            .fetch(&mut self.connection)
            .map_err(move |error| StoreError::of(query.name, error))
    }
}
