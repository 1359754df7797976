//! What is known of a run at one instant: all that decisions are made from.

use std::time::Duration;

use chancery_api::{DeletionPolicy, SigningRunStatus};
use k8s_openapi::jiff::Timestamp;

use crate::background::Kind;

/// What is known of a run. Plain data: whoever has one can decide, and be tested, without a cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    pub(crate) object: Object,
    pub(crate) ledger: LedgerView,
    /// Fingerprint of the operator's KEK, or why it can not be used.
    pub(crate) kek: Result<String, String>,
    pub(crate) background: Background,
    pub(crate) job: Option<JobView>,
    pub(crate) pods: Vec<PodView>,
}

/// The SigningRun itself, apart from its spec.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) generation: i64,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) has_finalizer: bool,
    pub(crate) deletion_policy: DeletionPolicy,
    /// Whether it may go without its part of the ledger.
    pub(crate) abandon_ledger: bool,
    /// Value of the annotation that asks for another try; empty if there is none.
    pub(crate) retry: String,
    /// Whether Kueue admits its Job.
    pub(crate) queued: bool,
    /// The status as it was last written.
    pub(crate) previous: SigningRunStatus,
}

/// The run's part of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LedgerView {
    /// The database can not be used; why.
    Away(String),
    /// There is nothing of the run.
    Absent,
    Present(Box<LedgerRun>),
}

/// The run as it stands in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LedgerRun {
    /// In what it differs from the spec, if another run was stored under this name.
    pub(crate) conflict: Option<String>,
    pub(crate) kek_fingerprint: String,
    pub(crate) suspended: bool,
    pub(crate) lease_duration: Duration,
    pub(crate) seeded: bool,
    pub(crate) complete: bool,
    /// Whether it is being deleted.
    pub(crate) deleted: bool,
    pub(crate) counts: Counts,
    /// Signatures stored per second, of late.
    pub(crate) rate: Option<f64>,
    /// Holders that have an open lease; looked for only when a signer has ended.
    pub(crate) open_holders: Vec<String>,
}

/// The ledger's own counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) records: i64,
    pub(crate) records_seeded: i64,
    pub(crate) records_signed: i64,
    pub(crate) batches: i64,
    pub(crate) batches_signed: i64,
    pub(crate) batches_leased: i64,
    pub(crate) keys: i64,
    pub(crate) keys_leased: i64,
}

/// What is being done for the run beside reconciling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Background {
    Idle,
    Seeding,
    Deleting,
    /// The last of it failed.
    Failed {
        kind: Kind,
        message: String,
        at: Timestamp,
    },
}

/// The run's Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobView {
    /// Whether it belongs to this very run, not to an earlier one of its name or to somebody else.
    pub(crate) ours: bool,
    pub(crate) deleting: bool,
    pub(crate) suspended: bool,
    /// When Kubernetes began, or began again, to make its pods.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) parallelism: u32,
    /// Pods that have not ended.
    pub(crate) active: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) end: Option<JobEnd>,
    /// The run's generation when the Job was last applied.
    pub(crate) generation: Option<i64>,
    /// The run's annotation for another try when the Job was last applied.
    pub(crate) retry: String,
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    Complete { at: Timestamp },
    Failed { reason: String, message: String, at: Timestamp },
}

/// A signer pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodView {
    /// What it is called in the lease log.
    pub(crate) holder: String,
    pub(crate) state: PodState,
}

/// What a signer pod does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodState {
    /// Not running yet, for no reason that needs anybody.
    Starting,
    /// It can not start as things are.
    Stuck {
        reason: String,
        message: String,
    },
    Running,
    /// Its container has ended and, by its restart policy, never runs again.
    Ended {
        exit: i32,
        message: Option<String>,
        at: Option<Timestamp>,
    },
    /// It is said to have ended by somebody who did not see it.
    Lost,
}
