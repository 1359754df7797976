//! Why a keyring cannot be filled.

use chancery_keyring::{GenerateError, KeySpecError, UnknownAlgorithm};
use chancery_store::StoreError;

/// Why filling stopped.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys that were wrapped by two KEKs in one ring could not be opened by any one signer.
    #[error(
        "the keyring was made with another KEK: its fingerprint is {wanted}, that of the KEK file is {given}; use the KEK file that the keyring was made with"
    )]
    OtherKek {
        /// Fingerprint of the KEK at hand.
        given: String,
        /// Fingerprint of the KEK that the keyring was made with.
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
