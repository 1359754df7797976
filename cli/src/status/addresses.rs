//! Addresses of keys that sign for Ethereum.

use chancery_keyring::{Algorithm, Jwk};
use chancery_store::{Keyring, Ledger};

use crate::error::CliError;

/// Those of a ring so far, in the order of the numbers of its keys; nothing of another algorithm.
pub(super) async fn addresses(ledger: &Ledger, ring: &Keyring) -> Result<Vec<String>, CliError> {
    if ring.algorithm != Algorithm::Es256k.name() {
        return Ok(Vec::new());
    }
    let keys = ledger.public_keys(ring).await?;
    let jwks = keys.iter().filter_map(|key| Jwk::of(Algorithm::Es256k, &key.public_key));
    Ok(jwks.filter_map(|jwk| jwk.address().map(str::to_owned)).collect())
}

/// For people: one a line.
pub(super) fn table(addresses: &[String]) -> String {
    format!("addresses of the keys:\n  {}", addresses.join("\n  "))
}
