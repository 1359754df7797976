//! Why a signer stops, told apart by what to do about it.

use chancery_keyring::{FormError, GenerateError, KeySpecError, SignError, UnwrapError};
use chancery_process::{DataKeyFileError, Exit};
use chancery_store::StoreError;

/// Why a signer ends before the run is complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    DataKeyFile(#[from] DataKeyFileError),
    #[error(
        "the data key is not that of the run's keyring: its fingerprint is {given}, that of the keyring's is {wanted}"
    )]
    WrongDataKey { given: String, wanted: String },
    #[error(transparent)]
    Key(#[from] UnwrapError),
    #[error(transparent)]
    Form(#[from] FormError),
    /// The ring is for keys of a kind that there is not.
    #[error(transparent)]
    KeySpec(#[from] KeySpecError),
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("the kernel gives no timer to guard a lease: {0}")]
    Fence(nix::errno::Errno),
    #[error("the thread that signs or makes keys failed: {0}")]
    Thread(tokio::task::JoinError),
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error("the asynchronous runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error("nothing can listen at {listen}: {reason}; --listen names another address")]
    Listen { listen: std::net::SocketAddr, reason: std::io::Error },
    #[error("the journal of keys in use cannot be written: {0}")]
    UseJournal(std::io::Error),
    #[error("the run was deleted")]
    Gone,
    #[error("the run was deleted, or its signers have another login by now: {0}")]
    LoginGone(StoreError),
}

// Not by `#[from]`, which would make of the cause a `source` too: the message has it already.
impl From<nix::errno::Errno> for SignerError {
    fn from(reason: nix::errno::Errno) -> Self {
        Self::Fence(reason)
    }
}

impl From<tokio::task::JoinError> for SignerError {
    fn from(reason: tokio::task::JoinError) -> Self {
        Self::Thread(reason)
    }
}

impl SignerError {
    /// Whether a new connection may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// The same error, once the run has been found: if it is not there any more, it was deleted,
    /// and the login with it.
    pub(crate) fn during_a_run(self) -> Self {
        match self {
            Self::Store(StoreError::NoRun(_)) => Self::Gone,
            // It goes with the run, and it was accepted before.
            Self::Store(error @ StoreError::LoginRefused(_)) => Self::LoginGone(error),
            other => other,
        }
    }

    /// Tells the program that started the signer what to do.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Store(error) if error.is_transient() => Exit::TryAgain,
            Self::Store(StoreError::DiskFull(_) | StoreError::AtLimit(_)) => Exit::NoRoom,
            Self::Sign(_)
            | Self::Generate(_)
            | Self::Fence(_)
            | Self::Thread(_)
            | Self::Signals(_)
            | Self::Runtime(_)
            | Self::UseJournal(_)
            | Self::Listen { .. } => Exit::Failed,
            Self::Store(_)
            | Self::DataKeyFile(_)
            | Self::WrongDataKey { .. }
            | Self::Key(_)
            | Self::Form(_)
            | Self::KeySpec(_)
            | Self::Gone
            | Self::LoginGone(_) => Exit::NeverWorks,
        }
    }
}
