//! Addresses of keys that sign for Ethereum.

use chancery_keyring::{Algorithm, Jwk};
use chancery_store::{Keyring, Ledger, StoreError};

use crate::run::context::Context;

/// How many a status shows: a ring may have thousands.
const SHOWN: usize = 16;

/// Those of a ring that has all its keys, which never change; read once. None of another algorithm.
pub(super) async fn addresses(
    context: &Context,
    ledger: &Ledger,
    uid: &str,
    ring: &Keyring,
    filled: bool,
) -> Result<Option<Vec<String>>, StoreError> {
    if !filled || ring.algorithm != Algorithm::Es256k.name() {
        return Ok(None);
    }
    if let Some(known) = context.memory.of(uid).addresses {
        return Ok(Some(known));
    }
    let keys = ledger.public_keys(ring).await?;
    let jwks = keys.iter().take(SHOWN).filter_map(|key| Jwk::of(Algorithm::Es256k, &key.public_key));
    let read: Vec<_> = jwks.filter_map(|jwk| jwk.address().map(str::to_owned)).collect();
    context.memory.change(uid, |remembered| remembered.addresses = Some(read.clone()));
    Ok(Some(read))
}
