//! Fills a keyring with fresh keys, made on all cores. Interrupted at any point, by anything, it continues where
//! it was, for whichever run of the ring; two at once share the work and no key is made twice.

mod error;

use std::sync::Arc;
use std::thread::available_parallelism;

use chancery_keyring::{Algorithm, DataKey, GeneratedKey, KeySpec, RsaKeySize, generate};
use chancery_store::keyring::NewKey;
use chancery_store::{Keyring, Ledger};
use futures::{StreamExt, TryStreamExt, stream};

pub use error::FillError;

/// How far the filling of a keyring is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyProgress {
    /// Keys that are there.
    pub done: u64,
    /// Keys in the end.
    pub total: u64,
}

/// Makes the keys that the ring still lacks. `progress` is told how many are there, not how many were added.
///
/// # Errors
///
/// [`FillError`]; the keys that were made until then stay and are not made again.
pub async fn fill(
    ledger: &Ledger,
    keyring: &Keyring,
    data_key: &Arc<DataKey>,
    progress: impl Fn(KeyProgress) + Send + Sync,
) -> Result<(), FillError> {
    if keyring.filled {
        return Ok(());
    }
    let given = data_key.fingerprint();
    if given != keyring.data_key_fingerprint {
        return Err(FillError::OtherDataKey { given, wanted: keyring.data_key_fingerprint.clone() });
    }
    let spec = key_spec(keyring)?;
    let missing = ledger.missing_keys(keyring).await?;
    let total = u64::from(keyring.key_count.unsigned_abs());
    let mut done = total.saturating_sub(missing.len() as u64);
    progress(KeyProgress { done, total });

    let cores = available_parallelism().map_or(1, usize::from);
    let mut made = stream::iter(missing)
        .map(|number| {
            let (data_key, keyring) = (Arc::clone(data_key), keyring.uid);
            async move {
                let key = tokio::task::spawn_blocking(move || generate(spec, keyring, &data_key))
                    .await
                    .map_err(FillError::Thread)??;
                Ok::<_, FillError>((number, key))
            }
        })
        .buffer_unordered(cores);
    while let Some((number, GeneratedKey { id, public_key, wrapped })) = made.try_next().await? {
        ledger.join_key(keyring, &NewKey { id, number, public_key, wrapped_key: wrapped }).await?;
        done += 1;
        progress(KeyProgress { done, total });
    }
    // The ledger counts the keys itself: a caller that was overtaken by another one agrees.
    if ledger.mark_filled(keyring).await? { Ok(()) } else { Err(FillError::Incomplete) }
}

fn key_spec(keyring: &Keyring) -> Result<KeySpec, FillError> {
    let algorithm: Algorithm = keyring.algorithm.parse()?;
    let size = keyring.key_size.map(|bits| RsaKeySize::try_from(bits.unsigned_abs())).transpose()?;
    Ok(KeySpec::new(algorithm, size)?)
}
