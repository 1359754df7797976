//! Why a run can not be seeded.

use chancery_keyring::{GenerateError, KeySpecError, UnknownAlgorithm};
use chancery_store::StoreError;

/// Why seeding stopped.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys that were wrapped by two KEKs in one ring could not be opened by any one signer.
    #[error(
        "the run was created with another KEK: its fingerprint is {wanted}, that of the KEK file is {given}; use the KEK file of then"
    )]
    OtherKek {
        /// Fingerprint of the KEK at hand.
        given: String,
        /// Fingerprint of the KEK that the run was created with.
        wanted: String,
    },
    /// The run asks for a kind of key that there is not.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The run asks for a key size that its algorithm does not have.
    #[error(transparent)]
    KeySpec(#[from] KeySpecError),
    /// A key could not be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The thread that made a key failed.
    #[error("a key could not be made: {0}")]
    Thread(#[from] tokio::task::JoinError),
    /// Something was taken away while it was seeded.
    #[error("keys or records are missing after seeding: somebody removed them meanwhile; run it again")]
    Incomplete,
}
