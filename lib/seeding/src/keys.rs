//! Fresh keys, made on all cores.

use std::sync::Arc;
use std::thread::available_parallelism;

use chancery_keyring::{Algorithm, GeneratedKey, Kek, KeySpec, RsaKeySize, generate};
use chancery_store::seed::NewKey;
use chancery_store::{Ledger, Run};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::SeedError;
use crate::progress::SeedProgress;

pub(crate) async fn seed(
    ledger: &Ledger,
    run: &Run,
    kek: &Arc<Kek>,
    progress: &(impl Fn(SeedProgress) + Send + Sync),
) -> Result<(), SeedError> {
    let spec = key_spec(run)?;
    let missing = ledger.missing_keys(run).await?;
    let total = u64::from(run.key_count.unsigned_abs());
    let mut done = total - missing.len() as u64;
    progress(SeedProgress::Keys { done, total });

    let cores = available_parallelism().map_or(1, usize::from);
    let mut made = stream::iter(missing)
        .map(|number| {
            let (kek, keyring) = (Arc::clone(kek), run.keyring_uid);
            async move {
                let key = tokio::task::spawn_blocking(move || generate(spec, keyring, &kek)).await??;
                Ok::<_, SeedError>((number, key))
            }
        })
        .buffer_unordered(cores);
    while let Some((number, GeneratedKey { id, public_key, wrapped })) = made.try_next().await? {
        ledger.insert_key(run, &NewKey { id, number, public_key, wrapped_key: wrapped }).await?;
        done += 1;
        progress(SeedProgress::Keys { done, total });
    }
    Ok(())
}

fn key_spec(run: &Run) -> Result<KeySpec, SeedError> {
    let algorithm: Algorithm = run.algorithm.parse()?;
    let size = run.key_size.map(|bits| RsaKeySize::try_from(bits.unsigned_abs())).transpose()?;
    Ok(KeySpec::new(algorithm, size)?)
}
