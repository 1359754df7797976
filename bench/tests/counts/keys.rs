//! Keys to sign with.

use chancery_keyring::{Algorithm, DataKey, GeneratedKey, KeySpec, SigningKey, generate};
use uuid::Uuid;

/// A fresh key of an algorithm; RSA with 2048 bits.
pub(crate) fn key(algorithm: Algorithm) -> SigningKey {
    let (data_key, keyring) = (DataKey::generate(), Uuid::new_v4());
    let spec = KeySpec::new(algorithm, None).expect("a kind of key");
    let GeneratedKey { id, wrapped, .. } = generate(spec, keyring, &data_key).expect("a key");
    SigningKey::open(&data_key, keyring, id, algorithm, &wrapped).expect("the key opens")
}

/// So many payloads of 256 bytes, no two alike.
pub(crate) fn payloads(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_be_bytes().repeat(32)).collect()
}
