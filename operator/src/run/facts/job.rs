//! A Job of a run, and its pods.

use std::sync::Arc;
use uuid::Uuid;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::Timestamp;

/// A Job of the run: that of its signers, of its intake or of its delivery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobView {
    /// The Job itself, without its template.
    pub(crate) live: Arc<Job>,
    /// Whether it belongs to this very run, not to an earlier run of its name or to something else.
    pub(crate) ours: bool,
    pub(crate) deleting: bool,
    pub(crate) suspended: bool,
    /// When Kubernetes started, or resumed, to make its pods.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) parallelism: u32,
    /// Pods that have not ended.
    pub(crate) active: i64,
    pub(crate) succeeded: i64,
    /// Pods that failed by themselves.
    pub(crate) failed: i64,
    /// The same as Kubernetes counts them, which it does seconds later: those that were evicted or stopped are among them.
    pub(crate) counted: i64,
    /// How many of these there may be before Kubernetes gives the Job up.
    pub(crate) backoff_limit: u32,
    pub(crate) end: Option<JobEnd>,
    /// The run's generation when the Job was last applied.
    pub(crate) generation: Option<i64>,
    /// The run's annotation for another try when the Job was last applied.
    pub(crate) retry: String,
    /// The run in the ledger that its pods work for.
    pub(crate) run_uid: Option<Uuid>,
    /// The Secret that its pods are given.
    pub(crate) secret: Option<String>,
}

/// What Events say of a Job without pods, or of a pod that does not come to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The last of them.
    Said { is_warning: bool, reason: String, message: String },
    /// They cannot be read; why.
    Unreadable(String),
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    Complete { at: Timestamp },
    Failed { reason: String, message: String, at: Timestamp },
}

/// A pod of a run's Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodView {
    /// Its name in the ledger.
    pub(crate) holder: String,
    pub(crate) state: PodState,
    /// Whether it has ended in a way that counts as a failure: its Job says so only seconds later.
    pub(crate) failed: bool,
}

impl JobView {
    /// Whether Kubernetes should make pods for it.
    pub(crate) fn expects_pods(&self) -> bool {
        self.ours && !self.deleting && !self.suspended && self.end.is_none()
    }
}

impl PodView {
    /// Its uid, which is the second part of its name in the ledger.
    pub(crate) fn uid(&self) -> &str {
        self.holder.split_once('/').map_or("", |(_, uid)| uid)
    }

    /// The name of the pod, which is the first part of its name in the ledger.
    pub(crate) fn pod_name(&self) -> &str {
        self.holder.split('/').next().unwrap_or_default()
    }

    /// Whether it runs, or may yet.
    pub(crate) const fn is_to_run(&self) -> bool {
        matches!(self.state, PodState::Starting { .. } | PodState::Stuck { .. } | PodState::Running { .. })
    }
}

/// What a pod does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodState {
    /// Not running yet, and nothing in its status says that it never will.
    Starting {
        /// When it was made.
        since: Option<Timestamp>,
        /// What its container waits for, in one word.
        waits: Option<String>,
    },
    /// It cannot start until something is corrected.
    Stuck {
        reason: String,
        message: String,
    },
    Running {
        since: Option<Timestamp>,
    },
    /// Its container has ended and, by its restart policy, never runs again.
    Ended {
        exit: i32,
        message: Option<String>,
        at: Option<Timestamp>,
    },
    /// Kubernetes says that it has ended, but the kubelet did not see it end: it may still run.
    Lost,
}
