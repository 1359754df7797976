//! Fills a keyring by the owner's hand, for tests that are about something else than the making of keys.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::ensure;
use chancery_keyring::{Algorithm, DataKey, GeneratedKey, KeySpec, RsaKeySize, generate};
use chancery_store::keyring::NewKey;
use chancery_store::{Keyring, Ledger};
use futures::{StreamExt, TryStreamExt, stream};

/// Makes the keys that the ring lacks, on all processors. Signers make them otherwise.
///
/// # Errors
///
/// A database that refuses, or another data key than the ring's.
pub async fn fill(ledger: &Ledger, keyring: &Keyring, data_key: &Arc<DataKey>) -> anyhow::Result<()> {
    if keyring.filled {
        return Ok(());
    }
    ensure!(data_key.fingerprint() == keyring.data_key_fingerprint, "the data key is another ring's");
    let spec = key_spec(keyring)?;
    let mut made = stream::iter(1..=keyring.key_count)
        .map(|number| {
            let (data_key, keyring) = (Arc::clone(data_key), keyring.uid);
            async move {
                let key = tokio::task::spawn_blocking(move || generate(spec, keyring, &data_key)).await??;
                anyhow::Ok((number, key))
            }
        })
        .buffer_unordered(available_parallelism()?.get());
    while let Some((number, GeneratedKey { id, public_key, wrapped })) = made.try_next().await? {
        ledger.join_key(keyring, &NewKey { id, number, public_key, wrapped_key: wrapped }).await?;
    }
    Ok(())
}

/// What the keys of a ring are like.
///
/// # Errors
///
/// A ring that no program of this version can make.
pub fn key_spec(keyring: &Keyring) -> anyhow::Result<KeySpec> {
    let algorithm: Algorithm = keyring.algorithm.parse()?;
    let size = keyring.key_size.map(|bits| RsaKeySize::try_from(bits.unsigned_abs())).transpose()?;
    Ok(KeySpec::new(algorithm, size)?)
}
