//! Signatures, as an audit finds them in a ledger: only the true one passes, for only its payload.

#![no_main]

use std::sync::LazyLock;

use chancery_keyring::{Algorithm, DataKey, KeySpec, SigningKey, VerifyingKey, generate};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const RING: Uuid = Uuid::from_u128(7);
const PAYLOAD: &[u8] = b"payload";

struct Signed {
    key: VerifyingKey,
    signature: Vec<u8>,
}

static SIGNED: LazyLock<[Signed; 4]> = LazyLock::new(|| {
    let data_key = DataKey::from_bytes([7; 32]);
    Algorithm::ALL.map(|algorithm| {
        let spec = KeySpec::new(algorithm, None).expect("a size of its own");
        let key = generate(spec, RING, &data_key).expect("a key");
        let mut signature = Vec::new();
        let signing = SigningKey::open(&data_key, RING, key.id, algorithm, &key.wrapped).expect("it opens");
        signing.sign(PAYLOAD, &mut signature).expect("a signature");
        Signed { key: VerifyingKey::from_spki_der(algorithm, &key.public_key).expect("a key"), signature }
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let Signed { key, signature } = &SIGNED[usize::from(*choice) % 4];
    assert!(!key.verify(PAYLOAD, data), "a forgery");
    let mut altered = signature.clone();
    altered.iter_mut().zip(data).for_each(|(byte, change)| *byte ^= change);
    assert_eq!(key.verify(PAYLOAD, &altered), altered == *signature);
    assert_eq!(key.verify(data, signature), data == PAYLOAD);
});
