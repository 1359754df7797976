//! Why a data key is not to be had.

use chancery_keyring::OpenDataKeyError;
use chancery_store::StoreError;

/// Why the data key of a keyring is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum DataKeyAccessError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenDataKeyError),
}
