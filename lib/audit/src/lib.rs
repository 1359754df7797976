//! Audits a run against the laws 1 to 5, from the ledger alone.
//!
//! The audit trusts nothing but what is stored: it reads every record, signature, batch, key and lease
//! at one snapshot, and checks with another library than the one that signed. `docs/audit.md` says how
//! each law is checked, and why no check needs a tolerance.
//!
//! - `records`: laws 1 to 3 for a range of records, without IO.
//! - `lease_log`: laws 4 and 5 from the lease log, without IO.
//! - `report`: what was found.

mod lease_log;
mod records;
mod report;
mod ring;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chancery_store::audit::{Reader, Snapshot};
use chancery_store::{Ledger, Run, StoreError};
use futures::TryStreamExt;
use futures::future::try_join_all;

use crate::lease_log::LeaseLog;
use crate::records::Range;
use crate::report::Findings;
use crate::ring::Ring;

pub use report::{Law, LawReport, Report};

/// Bytes of payload that a worker holds at a time.
const RANGE_BYTES: i64 = 4 << 20;

/// Records that a worker holds at a time.
const RANGE_RECORDS: i64 = 4_000;

/// How an audit is done.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Ranges of records that are checked at the same time.
    pub workers: usize,
    /// Violations of each law that are told in words; all are counted.
    pub violations_shown: usize,
}

/// Beyond this the database is what limits, and its connections run out.
const MOST_WORKERS: usize = 16;

impl Default for AuditOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workers: cores.min(MOST_WORKERS), violations_shown: 10 }
    }
}

/// Why an audit could not be made. A broken law is no error: the report tells it.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A checking thread failed.
    #[error("the audit itself failed: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Audits a run. `progress` is told how many records have been checked.
///
/// Takes memory for one range of records a worker, the ring's public keys and its open leases,
/// whatever the run's size.
///
/// # Errors
///
/// [`AuditError`]; a broken law is none.
pub async fn audit(
    ledger: &Ledger,
    namespace: &str,
    name: &str,
    options: &AuditOptions,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Report, AuditError> {
    let mut snapshot = ledger.snapshot().await?;
    let run = Arc::new(snapshot.run(namespace, name).await?);
    let keys = snapshot.reader().await?.keys(&run).await?;
    let ring = Arc::new(Ring::new(&run, &keys));
    let of_ring = ring::check(&run, &keys, &ring, options.violations_shown);

    let (of_log, of_records) = tokio::try_join!(
        audit_lease_log(&snapshot, &run, &ring, options.violations_shown),
        audit_records(&snapshot, &run, &ring, options, &progress),
    )?;
    let mut findings = of_records;
    findings.merge(of_log);
    findings.merge(of_ring);
    for stray in snapshot.reader().await?.strays(&run, 100).await? {
        findings.stray(&stray);
    }
    Ok(Report::new(&run, &ring, findings))
}

/// Laws 1 to 3, range by range, on several workers.
async fn audit_records(
    snapshot: &Snapshot,
    run: &Arc<Run>,
    ring: &Arc<Ring>,
    options: &AuditOptions,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Findings, AuditError> {
    let length = (RANGE_BYTES / i64::from(run.record_size.max(1))).clamp(1, RANGE_RECORDS);
    let (next, checked) = (AtomicI64::new(1), AtomicU64::new(0));
    let worker = || async {
        let mut reader = snapshot.reader().await?;
        let mut findings = Findings::new(options.violations_shown);
        loop {
            let first = next.fetch_add(length, Ordering::Relaxed);
            if first > run.record_count {
                return Ok::<_, AuditError>(findings);
            }
            let last = (first + length - 1).min(run.record_count);
            let range = read_range(&mut reader, run, first, last).await?;
            let (run, ring, shown) = (Arc::clone(run), Arc::clone(ring), options.violations_shown);
            let found = tokio::task::spawn_blocking(move || range.check(&run, &ring, shown)).await?;
            findings.merge(found);
            let records = (last - first + 1).unsigned_abs();
            progress(checked.fetch_add(records, Ordering::Relaxed) + records);
        }
    };
    let mut findings = Findings::new(options.violations_shown);
    for found in try_join_all((0..options.workers.max(1)).map(|_| worker())).await? {
        findings.merge(found);
    }
    Ok(findings)
}

async fn read_range(reader: &mut Reader, run: &Run, first: i64, last: i64) -> Result<Range, StoreError> {
    let batch_of = |record: i64| (record - 1) / run.batch_size + 1;
    let batches = reader.batches(run, batch_of(first), batch_of(last)).await?;
    let rows = reader.records(run, first, last).try_collect().await?;
    Ok(Range { first, last, rows, batches })
}

/// Laws 4 and 5: the lease log, event by event in the order of their instants.
async fn audit_lease_log(
    snapshot: &Snapshot,
    run: &Run,
    ring: &Ring,
    shown: usize,
) -> Result<Findings, AuditError> {
    let (mut by_acquisition, mut by_release) = (snapshot.reader().await?, snapshot.reader().await?);
    let mut acquisitions = std::pin::pin!(by_acquisition.acquisitions(run));
    let mut releases = std::pin::pin!(by_release.releases(run));
    let mut log = LeaseLog::new(run, ring, shown);
    let mut release = releases.try_next().await?;
    while let Some(lease) = acquisitions.try_next().await? {
        // A key that goes back at the very instant of a choice goes back before it.
        while let Some(back) = release.take_if(|back| back.released_at <= lease.acquired_at) {
            log.released(&back);
            release = releases.try_next().await?;
        }
        log.acquired(&lease);
    }
    while let Some(back) = release {
        log.released(&back);
        release = releases.try_next().await?;
    }
    Ok(log.finish())
}
