//! Why a reconcile failed.

use std::time::Duration;

use crate::run::apply::error::{ApplyError, server_message};

/// Timeout of one reconcile: every write of it is one request.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// An effect could not be carried out.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A run that cannot be read as one could not be looked at either.
    #[error("the API server does not show a SigningRun that cannot be read: {}", server_message(.0))]
    Read(kube::Error),
    /// The API server refused the status.
    #[error("the API server refused the status: {}", server_message(.0))]
    Status(kube::Error),
    /// The watches have ended.
    #[error("the watches of the API server have ended: the operator stops")]
    Stopping,
    /// It took too long.
    #[error("the reconcile took longer than {TIMEOUT:?}; it is repeated")]
    TimedOut,
}

impl ReconcileError {
    /// The variant's name, for a metric.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Apply(error) => error.label(),
            Self::Read(_) => "Read",
            Self::Status(_) => "Status",
            Self::Stopping => "Stopping",
            Self::TimedOut => "TimedOut",
        }
    }
}
