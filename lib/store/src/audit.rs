//! Reading a run and its ring for their audit: every reader sees the ledger at one and the same instant.
//!
//! The first connection exports its snapshot, the others adopt it (PostgreSQL documentation,
//! "Snapshot Synchronization Functions"). So an audit may read in parallel while signers go on.
//!
//! A snapshot is one of rows, and which partitions a table has is none. So the first connection takes a lock
//! before its snapshot, for which a deletion waits: what the snapshot shows can be read to the end.

use std::time::Duration;

use futures::{Stream, TryFutureExt, TryStreamExt, stream};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, FromRow};

use crate::answer::{LONG, SHORT, answered};
use crate::connect::{Ledger, LedgerUrl};
use crate::delivery::BatchOfManifest;
use crate::error::StoreError;
use crate::export::SignedLine;
use crate::keyring::Keyring;
use crate::lease::PART_BYTES;
use crate::policy::PolicyText;
use crate::query::{self, Query};
use crate::row::from_row;
use crate::run::Run;

mod beside;
mod copied;
mod judged;
mod rows;

use beside::Beside;
pub use judged::{JudgedPlace, JudgedRow, RefusedRow};
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

/// A run of a ring.
#[derive(Clone, Debug)]
pub struct RunOfKeyring {
    /// The ledger's own number of the run.
    pub id: i32,
    /// The run, as `NAMESPACE/NAME`.
    pub name: String,
}

from_row!(RunOfKeyring { id, name });

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

    /// What the run says of how far its input is; a sound ledger has one such row.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn admissions(&mut self, run: &Run) -> Result<Vec<AdmissionRow>, StoreError> {
        self.of(query::audit_admissions, run.id).try_collect().await
    }

    /// The run's batches from this number on, in order.
    pub fn batches(&mut self, run: &Run, from: i64) -> impl Stream<Item = Result<BatchRow, StoreError>> {
        query::audit_batches
            .rows_as()
            .bind(run.id)
            .bind(from)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_batches.name, error))
    }

    /// How many of the run's `records` records the longest block of signatures has.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn longest_block(&mut self, run: &Run, records: i64) -> Result<i64, StoreError> {
        let longest = query::audit_longest_block.scalars().bind(run.id).bind(records);
        let longest = longest.fetch_one(&mut self.connection).await;
        longest.map_err(|error| StoreError::of(query::audit_longest_block.name, error))
    }

    /// The records `first..=last` with their signatures, in order. Of blocks of signatures that have more than `longest_block`
    /// records, some may be left out.
    pub fn records(
        &mut self,
        run: &Run,
        first: i64,
        last: i64,
        longest_block: i64,
    ) -> impl Stream<Item = Result<RecordRow, StoreError>> {
        let run = run.id;
        let beside = async move {
            let blocks = query::audit_blocks
                .rows_as()
                .bind(run)
                .bind(first)
                .bind(last)
                .bind(i64::try_from(PART_BYTES).unwrap_or(i64::MAX))
                .bind(longest_block)
                .fetch_all(&mut self.connection)
                .await
                .map_err(|error| StoreError::of(query::audit_blocks.name, error))?;
            let numbers = [run.into(), first, last, PAYLOAD_BYTES.into()];
            let payloads = copied::payloads(&mut self.connection, query::audit_payloads, &numbers).await?;
            let beside = Beside::new(Box::pin(payloads), blocks, (first, last));
            Ok(stream::try_unfold(beside, async |mut beside| {
                Ok(beside.row().await?.map(|row| (row, beside)))
            }))
        };
        beside.try_flatten_stream()
    }

    /// What the records `first..=last` and their signatures are stored as, without reading any of them. Of blocks of signatures that
    /// have more than `longest_block` records, some may be left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn written(
        &mut self,
        run: &Run,
        first: i64,
        last: i64,
        longest_block: i64,
    ) -> Result<Vec<WrittenRow>, StoreError> {
        let written = query::audit_written.rows_as().bind(run.id).bind(first).bind(last).bind(longest_block);
        let written = written.fetch_all(&mut self.connection).await;
        written.map_err(|error| StoreError::of(query::audit_written.name, error))
    }

    /// At most `limit` rows of each kind that have no place in the run, which has `records` records in the
    /// batches up to `last_batch`.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn strays(
        &mut self,
        run: &Run,
        records: i64,
        last_batch: i64,
        limit: i64,
    ) -> Result<Vec<Stray>, StoreError> {
        query::audit_run_strays
            .rows_as()
            .bind(run.id)
            .bind(records)
            .bind(last_batch)
            .bind(run.sealed)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_run_strays.name, error))
    }

    /// At most `limit` faults of each kind among the arrivals of a run with sources.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn arrival_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<ArrivalFault>, StoreError> {
        let mut faults: Vec<ArrivalFault> = query::audit_arrivals
            .rows_as()
            .bind(run.id)
            .bind(run.keyring.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_arrivals.name, error))?;
        let others: Vec<i32> = query::audit_duplicate_runs
            .scalars()
            .bind(run.id)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_duplicate_runs.name, error))?;
        for other in others {
            let more = query::audit_duplicates.rows_as().bind(run.id).bind(other).bind(limit);
            let more = more.fetch_all(&mut self.connection).await;
            faults.extend(more.map_err(|error| StoreError::of(query::audit_duplicates.name, error))?);
        }
        for query in [query::audit_judged, query::audit_letters] {
            let more = query.rows_as().bind(run.id).bind(limit).fetch_all(&mut self.connection).await;
            faults.extend(more.map_err(|error| StoreError::of(query.name, error))?);
        }
        Ok(faults)
    }

    /// At most `limit` faults of each kind among arrivals that were asked about more often than their policy has it, which lets somebody
    /// be asked again so many times.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn attempt_faults(
        &mut self,
        run: &Run,
        again: i32,
        limit: i64,
    ) -> Result<Vec<ArrivalFault>, StoreError> {
        let faults = query::audit_attempts.rows_as().bind(run.id).bind(again).bind(limit);
        let faults = faults.fetch_all(&mut self.connection).await;
        faults.map_err(|error| StoreError::of(query::audit_attempts.name, error))
    }

    /// What judged the run, if anything did.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn policy(&mut self, run: &Run) -> Result<Option<PolicyText>, StoreError> {
        let policy = query::audit_policy.rows_as().bind(run.id).fetch_optional(&mut self.connection).await;
        policy.map_err(|error| StoreError::of(query::audit_policy.name, error))
    }

    /// Of the records of a run that a policy judged, those whose numbers leave this rest when they are divided by `every`.
    pub fn judged_records(
        &mut self,
        run: &Run,
        every: i64,
        rest: i64,
    ) -> impl Stream<Item = Result<JudgedRow, StoreError>> {
        let rows =
            query::audit_judged_records.rows_as().bind(run.id).bind(every).bind(rest).bind(PAYLOAD_BYTES);
        rows.fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_judged_records.name, error))
    }

    /// Of what a policy refused, about one out of `every`.
    pub fn judged_refusals(
        &mut self,
        run: &Run,
        every: i64,
        rest: i64,
    ) -> impl Stream<Item = Result<RefusedRow, StoreError>> {
        let rows = query::audit_judged_refused.rows_as().bind(run.id).bind(every).bind(rest);
        rows.fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_judged_refused.name, error))
    }

    /// How many arrivals the run says that it has received.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn arrivals_received(&mut self, run: &Run) -> Result<i64, StoreError> {
        let received = query::audit_received.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        received.map_err(|error| StoreError::of(query::audit_received.name, error))
    }

    /// How many deliveries the run has, of all its sinks.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn deliveries(&mut self, run: &Run) -> Result<i64, StoreError> {
        let count =
            query::audit_deliveries_count.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        count.map_err(|error| StoreError::of(query::audit_deliveries_count.name, error))
    }

    /// What sinks have of the run of which the content follows from the batch, in the order of batches.
    pub fn delivered(&mut self, run: &Run) -> impl Stream<Item = Result<DeliveredRow, StoreError>> {
        self.of(query::audit_delivered, run.id)
    }

    /// The manifests that sinks of the run have.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn manifests(&mut self, run: &Run) -> Result<Vec<ManifestRow>, StoreError> {
        self.of(query::audit_manifests, run.id).try_collect().await
    }

    /// What became of the batches of the run at a sink, in order.
    pub fn manifest_batches(
        &mut self,
        run: &Run,
        sink: i32,
    ) -> impl Stream<Item = Result<BatchOfManifest, StoreError>> {
        query::audit_manifest_batches
            .rows_as()
            .bind(run.id)
            .bind(sink)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_manifest_batches.name, error))
    }

    /// The records of the run that are signed, with their signatures, in order.
    pub fn signed(&mut self, run: &Run) -> impl Stream<Item = Result<SignedLine, StoreError>> {
        self.of(query::export_signed, run.id)
    }

    /// What does not add up among the deliveries of the run, at most `limit` of a kind.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn delivery_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<DeliveryFault>, StoreError> {
        query::audit_deliveries
            .rows_as()
            .bind(run.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_deliveries.name, error))
    }

    /// How many events the run has, of all its notifications.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn events(&mut self, run: &Run) -> Result<i64, StoreError> {
        let count = query::audit_events_count.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        count.map_err(|error| StoreError::of(query::audit_events_count.name, error))
    }

    /// What does not add up among the events of the run, at most `limit` of a kind.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn event_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<DeliveryFault>, StoreError> {
        query::audit_events
            .rows_as()
            .bind(run.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_events.name, error))
    }

    /// At most `limit` rows of each kind that have no place in the ring, its log, or any ring.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keyring_strays(&mut self, keyring: &Keyring, limit: i64) -> Result<Vec<Stray>, StoreError> {
        query::audit_keyring_strays
            .rows_as()
            .bind(keyring.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_keyring_strays.name, error))
    }

    /// The runs of the ring that have their tables, in the order of their ids.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn runs(&mut self, keyring: &Keyring) -> Result<Vec<RunOfKeyring>, StoreError> {
        self.of(query::audit_keyring_runs, keyring.id).try_collect().await
    }

    /// At most `limit` batches of the run under a lease that is in no log.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn leaseless_batches(
        &mut self,
        run: &RunOfKeyring,
        limit: i64,
    ) -> Result<Vec<Stray>, StoreError> {
        query::audit_run_leaseless_batches
            .rows_as()
            .bind(run.id)
            .bind(&run.name)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_run_leaseless_batches.name, error))
    }

    /// The keys of the ring, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keys(&mut self, keyring: &Keyring) -> Result<Vec<KeyRow>, StoreError> {
        self.of(query::audit_keys, keyring.id).try_collect().await
    }

    /// The ring's lease log in the order of the leases.
    pub fn acquisitions(&mut self, keyring: &Keyring) -> impl Stream<Item = Result<LeaseRow, StoreError>> {
        self.of(query::audit_lease_acquisitions, keyring.id)
    }

    /// The ring's lease log in the order in which keys went back.
    pub fn releases(&mut self, keyring: &Keyring) -> impl Stream<Item = Result<ReleaseRow, StoreError>> {
        self.of(query::audit_lease_releases, keyring.id)
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
