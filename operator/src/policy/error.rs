//! Why the status of a policy could not be brought up to date.

use std::time::Duration;

use crate::run::apply::error::server_message;

/// Timeout of one reconcile.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The API server does not give what the policy reads.
    #[error(
        "the API server does not let the operator read the ConfigMaps of the policy: {}; the operator's role needs get on configmaps, as the chart gives it", server_message(.0)
    )]
    Unread(kube::Error),
    /// The API server refused the status.
    #[error(
        "the API server refused the status of the policy: {}; the operator's role needs patch on signingpolicies/status, as the chart gives it", server_message(.0)
    )]
    Status(kube::Error),
    /// It took too long.
    #[error("the reconcile of the policy took longer than {TIMEOUT:?}; it is repeated")]
    TimedOut,
}

impl PolicyError {
    /// What failed, for a metric.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unread(_) => "PolicyUnread",
            Self::Status(_) => "PolicyStatus",
            Self::TimedOut => "PolicyTimedOut",
        }
    }
}
