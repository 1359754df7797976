//! Audits a run against the laws 1 to 5, one with sources against 7 too, one with sinks against 8, and a ring against 4 and 5, from the
//! ledger alone.
//!
//! The audit trusts nothing but what is stored: it reads every record, signature, batch, key and lease
//! at one snapshot, and checks with another library than the one that signed. `docs/internals/audit.md`
//! says how each law is checked, and why no check needs a tolerance.
//!
//! - `ahead`: what was checked while the run was still being signed.
//! - `of_run`: the laws 1 to 3, read range by range.
//!   - `input`: what the run says of its input, without IO.
//!   - `geometry`: the batches follow each other, without IO.
//!   - `ranges`: which records are read at a time, without IO.
//!   - `records`: the records of a range, without IO.
//!   - `claims`: their signatures, without IO.
//!   - `judged`: what a policy said of arrivals, evaluated again.
//!   - `delivered`: what sinks were given, made again.
//! - `of_keyring`: the laws 4 and 5, over all runs of the ring.
//!   - `ring`: the keys, without IO.
//!   - `lease_log`: the lease log, without IO.
//! - `report`: what was found.

mod ahead;
mod claims;
mod delivered;
#[cfg(test)]
mod fixtures;
mod geometry;
mod input;
mod judged;
mod lease_log;
mod manifests;
mod of_keyring;
mod of_run;
mod ranges;
mod records;
mod report;
mod ring;

use chancery_store::{Ledger, StoreError};

use crate::report::Findings;

pub use ahead::{Ahead, audit_ahead};
pub use judged::PolicyCheck;
pub use report::{Law, LawReport, Report};

/// Bytes of payload that a worker reads at a time; it holds twice as many, as it checks those that it read before.
const RANGE_BYTES: i64 = 4 << 20;

/// Records that a worker reads at a time, and holds twice as many.
const RANGE_RECORDS: i64 = 4_000;

/// How an audit is done.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Ranges of records that are checked at the same time.
    pub workers: usize,
    /// Violations of each law that are told in words; all are counted.
    pub violations_shown: usize,
    /// How much of what a policy said is evaluated again.
    pub policy: PolicyCheck,
}

/// Beyond this the database is what limits, and its connections run out.
const MOST_WORKERS: usize = 16;

impl Default for AuditOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workers: cores.min(MOST_WORKERS), violations_shown: 10, policy: PolicyCheck::Sample }
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
    Thread(tokio::task::JoinError),
}

// Not by `#[from]`, which would make of the cause a `source` too: the message has it already.
impl From<tokio::task::JoinError> for AuditError {
    fn from(reason: tokio::task::JoinError) -> Self {
        Self::Thread(reason)
    }
}

/// Rows of one kind without a place that are told.
const STRAYS_SHOWN: i64 = 100;

/// Audits a run, and the ring that it signs with over all of the ring's runs, at one instant. `progress` is told how
/// many records have been checked.
///
/// Takes memory for one range of records per worker, the ring's public keys and its open leases,
/// whatever the run's size.
///
/// # Errors
///
/// [`AuditError`]; a broken law is none. A run whose deletion has begun is not audited
/// ([`StoreError::BeingDeleted`]); one that begins later waits until the audit is done.
pub async fn audit(
    ledger: &Ledger,
    namespace: &str,
    name: &str,
    options: &AuditOptions,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Report, AuditError> {
    audit_after(ledger, namespace, name, options, &Ahead::default(), progress).await
}

/// [`audit`], after some of the run was checked already. The report is the same.
///
/// # Errors
///
/// Those of [`audit`].
pub async fn audit_after(
    ledger: &Ledger,
    namespace: &str,
    name: &str,
    options: &AuditOptions,
    ahead: &Ahead,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Report, AuditError> {
    let mut snapshot = ledger.snapshot().await?;
    let run = snapshot.run(namespace, name).await?;
    let keys = snapshot.reader().await?.keys(&run.keyring).await?;
    let (of_ring, of_run) = tokio::try_join!(
        of_keyring::audit(&snapshot, &run.keyring, &keys, options.violations_shown),
        of_run::audit(&snapshot, &run, &keys, options, ahead, &progress),
    )?;
    let mut findings = Findings::new(options.violations_shown);
    findings.merge(of_run);
    findings.merge(of_ring);
    Ok(Report::of_run(&run, keys.len(), findings))
}

/// Audits a ring that has a name: the laws 4 and 5, over all runs that sign or signed with it, at one instant.
///
/// Takes memory for the ring's public keys and its open leases, whatever the length of its log.
///
/// # Errors
///
/// [`AuditError`]; a broken law is none.
pub async fn audit_keyring(
    ledger: &Ledger,
    namespace: &str,
    name: &str,
    options: &AuditOptions,
) -> Result<Report, AuditError> {
    let mut snapshot = ledger.snapshot().await?;
    let keyring = snapshot.keyring(namespace, name).await?;
    let keys = snapshot.reader().await?.keys(&keyring).await?;
    let findings = of_keyring::audit(&snapshot, &keyring, &keys, options.violations_shown).await?;
    Ok(Report::of_keyring(&keyring, keys.len(), findings))
}
