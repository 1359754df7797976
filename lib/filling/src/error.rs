//! Why a keyring cannot be filled.

use chancery_keyring::{GenerateError, KeySpecError, UnknownAlgorithm};
use chancery_store::StoreError;

/// Why filling stopped.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys that were wrapped by two data keys in one ring could not be opened by any one signer.
    #[error(
        "the data key is not that of the keyring: its fingerprint is {given}, that of the keyring's is {wanted}; give the data key of this keyring"
    )]
    OtherDataKey {
        /// Fingerprint of the data key at hand.
        given: String,
        /// Fingerprint of the keyring's data key.
        wanted: String,
    },
    /// The ring is for a kind of key that there is not.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The ring is for a key size that its algorithm does not have.
    #[error(transparent)]
    KeySpec(#[from] KeySpecError),
    /// A key could not be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The thread that made a key failed.
    #[error("a key could not be made: {0}")]
    Thread(tokio::task::JoinError),
    /// Keys were taken away while the ring was filled.
    #[error("keys are missing after the keyring was filled: somebody removed them meanwhile; run it again")]
    Incomplete,
}
