//! Data keys of keyrings, between the KEK and the ledger: made with a ring, opened for those who sign with it, and
//! wrapped anew when another KEK takes the place of the one that wrapped them.

mod error;
mod rotation;

use chancery_keyring::{DataKey, Kek, Keks, WrapDataKeyError, WrappedDataKey};
use chancery_store::{Keyring, Ledger, NewDataKey, StoredDataKey};
use uuid::Uuid;

pub use error::DataKeyAccessError;
pub use rotation::{Rotation, RotationError, rotate};

/// The identity and the data key of a ring, if one is made: both fresh.
///
/// # Errors
///
/// [`WrapDataKeyError`], for which there is no reason but a lack of memory.
pub fn fresh(kek: &Kek) -> Result<NewDataKey, WrapDataKeyError> {
    let WrappedDataKey { keyring, fingerprint, kek_fingerprint, wrapped } =
        DataKey::generate().wrap(kek, Uuid::new_v4())?;
    Ok(NewDataKey { keyring_uid: keyring, fingerprint, kek_fingerprint, wrapped })
}

/// Opens the data key of a keyring, as the ledger has it now.
///
/// # Errors
///
/// [`DataKeyAccessError`]: of the ledger, or because it does not open with any of these KEKs.
pub async fn open(ledger: &Ledger, keyring: &Keyring, keks: &Keks) -> Result<DataKey, DataKeyAccessError> {
    let stored = ledger.data_key(keyring).await?;
    Ok(keks.open(&wrapped(&stored))?)
}

fn wrapped(stored: &StoredDataKey) -> WrappedDataKey {
    let StoredDataKey { keyring: _, keyring_uid, fingerprint, kek_fingerprint, wrapped } = stored.clone();
    WrappedDataKey { keyring: keyring_uid, fingerprint, kek_fingerprint, wrapped }
}
