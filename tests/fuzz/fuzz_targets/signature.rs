//! Signatures, as an audit finds them in a ledger: only the true one passes, for only its payload.

#![no_main]

use std::sync::LazyLock;

use chancery_keyring::{Algorithm, DataKey, KeySpec, Library, SigningKey, VerifyingKey, generate};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const RING: Uuid = Uuid::from_u128(7);
const PAYLOAD: &[u8] = b"payload";

struct Signed {
    key: VerifyingKey,
    signature: Vec<u8>,
}

static SIGNED: LazyLock<[Signed; Algorithm::ALL.len()]> = LazyLock::new(|| {
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

/// The verdict, which no library disagrees with.
fn verify(key: &VerifyingKey, payload: &[u8], signature: &[u8]) -> bool {
    let verdict = key.verify(payload, signature);
    for made_by in Library::ALL {
        // One alone, and as many as are verified at a time.
        for count in [1, 5] {
            assert_eq!(key.verify_batch(made_by, &vec![(payload, signature); count]), vec![verdict; count]);
        }
    }
    verdict
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let Signed { key, signature } = &SIGNED[usize::from(*choice) % Algorithm::ALL.len()];
    assert!(!verify(key, PAYLOAD, data), "a forgery");
    let mut altered = signature.clone();
    altered.iter_mut().zip(data).for_each(|(byte, change)| *byte ^= change);
    assert_eq!(verify(key, PAYLOAD, &altered), altered == *signature);
    assert_eq!(verify(key, data, signature), data == PAYLOAD);
});
