//! Why a delivery stops, told apart by what to do about it. That a sink is away, or refuses a batch, is no reason.

use chancery_process::Exit;
use chancery_store::StoreError;

use crate::opening::OpenError;

/// Why a delivery ends before nothing is left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("sink {name}: {reason}")]
    Sink { name: String, reason: OpenError },
    #[error(
        "sink {name}: what the ledger says of it cannot be read: {reason}; a newer program made the run: use one at least as new"
    )]
    OtherVersion { name: String, reason: serde_json::Error },
    #[error("what the run signs cannot be written down: {0}")]
    Form(String),
    #[error("a sender failed: {0}")]
    Sender(tokio::task::JoinError),
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error("the asynchronous runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error("the run was deleted")]
    Gone,
}

impl DeliveryError {
    /// Whether a new connection may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// Tells the program that started the delivery what to do.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Store(error) if error.is_transient() => Exit::TryAgain,
            Self::Store(StoreError::DiskFull(_) | StoreError::AtLimit(_)) => Exit::NoRoom,
            Self::Sender(_) | Self::Signals(_) | Self::Runtime(_) => Exit::Failed,
            Self::Store(_) | Self::Sink { .. } | Self::OtherVersion { .. } | Self::Form(_) | Self::Gone => {
                Exit::NeverWorks
            }
        }
    }
}
