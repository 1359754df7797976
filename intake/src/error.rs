//! Why an intake stops, told apart by what to do about it.

use chancery_api::ExpressionError;
use chancery_process::Exit;
use chancery_reading::FinalError;
use chancery_sources::access::AccessError;
use chancery_sources::asking::AskError;
use chancery_sources::judge::JudgeError;
use chancery_store::StoreError;

/// Why an intake ends before the run is sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("source {name}: {reason}")]
    Source { name: String, reason: FinalError },
    #[error("source {name}: {reason}")]
    Access { name: String, reason: AccessError },
    #[error(
        "source {name}: it was read up to a row, and the ledger does not say up to which; make the run again"
    )]
    NoKey { name: String },
    #[error(
        "source {name}: what the ledger says of it cannot be read: {reason}; a newer program made the run: use one at least as new"
    )]
    OtherVersion { name: String, reason: serde_json::Error },
    #[error(
        "source {name}: the run {run} cannot be read again: {what}; name a run that is there with run.name"
    )]
    Replay { name: String, run: String, what: &'static str },
    #[error("source {name}: it is pushed, and nothing of it is read")]
    Pushed { name: String },
    #[error("the expression of the run's idempotency {reason}")]
    Expression { reason: ExpressionError },
    #[error(transparent)]
    Policy(#[from] JudgeError),
    #[error(transparent)]
    Asking(#[from] AskError),
    #[error("a reader failed: {0}")]
    Reader(tokio::task::JoinError),
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error("the asynchronous runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error("the run was deleted")]
    Gone,
}

impl IntakeError {
    /// Whether a new connection may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// Tells the program that started the intake what to do.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Store(error) if error.is_transient() => Exit::TryAgain,
            Self::Store(StoreError::DiskFull(_) | StoreError::AtLimit(_)) => Exit::NoRoom,
            Self::Reader(_) | Self::Signals(_) | Self::Runtime(_) => Exit::Failed,
            Self::Store(_)
            | Self::Source { .. }
            | Self::Access { .. }
            | Self::NoKey { .. }
            | Self::Pushed { .. }
            | Self::Expression { .. }
            | Self::Policy(_)
            | Self::Asking(_)
            | Self::OtherVersion { .. }
            | Self::Replay { .. }
            | Self::Gone => Exit::NeverWorks,
        }
    }
}
