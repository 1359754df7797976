//! Keys and records of a run.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use chancery_keyring::{DataKey, Kek, WrappedDataKey};
use chancery_sources::generated;
use chancery_store::{Keyring, Ledger, Run, StoredDataKey};

use crate::filling::fill;

/// Makes the keys of the run's ring, and the run's records, as far as they are missing.
///
/// # Errors
///
/// A database that refuses.
pub async fn stock(ledger: &Ledger, run: &Run, kek: &Kek) -> anyhow::Result<()> {
    let data_key = Arc::new(data_key_of(ledger, &run.keyring, kek).await?);
    fill(ledger, &run.keyring, &data_key).await?;
    make_records(ledger, run).await
}

/// Makes the run's records, as far as they are missing. Its keys are left to its signers.
///
/// # Errors
///
/// A database that refuses.
pub async fn make_records(ledger: &Ledger, run: &Run) -> anyhow::Result<()> {
    Ok(generated::supply(ledger, run, || generated::AT_ONCE, || std::future::ready(()), |_| {}).await?)
}

/// Opens the data key of a keyring with the KEK that has wrapped it.
///
/// # Errors
///
/// A database that refuses, or another KEK.
pub async fn data_key_of(ledger: &Ledger, keyring: &Keyring, kek: &Kek) -> anyhow::Result<DataKey> {
    let StoredDataKey { keyring: _, keyring_uid, fingerprint, kek_fingerprint, wrapped } =
        ledger.data_key(keyring).await?;
    let wrapped = WrappedDataKey { keyring: keyring_uid, fingerprint, kek_fingerprint, wrapped };
    Ok(DataKey::open(kek, &wrapped)?)
}

/// Writes a data key file that only its owner may read, as whoever starts a signer gives it one.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_data_key(path: &Path, data_key: &DataKey) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(data_key.to_base64().as_bytes())?;
    Ok(())
}
