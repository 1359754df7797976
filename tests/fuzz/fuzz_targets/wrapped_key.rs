//! Wrapped keys: altered in any byte they do not open, and the error names the key. A document that only
//! who has the data key can wrap may still be any bytes.

#![no_main]

use std::sync::LazyLock;

use chancery_keyring::{Algorithm, DataKey, GeneratedKey, KeySpec, SigningKey, generate, unwrap, wrap};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const RING: Uuid = Uuid::from_u128(7);

static DATA_KEY: LazyLock<DataKey> = LazyLock::new(|| DataKey::from_bytes([7; 32]));

static KEYS: LazyLock<[GeneratedKey; Algorithm::ALL.len()]> = LazyLock::new(|| {
    Algorithm::ALL.map(|algorithm| {
        let spec = KeySpec::new(algorithm, None).expect("a size of its own");
        generate(spec, RING, &DATA_KEY).expect("a key")
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let algorithm = Algorithm::ALL[usize::from(*choice) % Algorithm::ALL.len()];
    let key = &KEYS[usize::from(*choice) % Algorithm::ALL.len()];
    let open = |wrapped: &[u8]| SigningKey::open(&DATA_KEY, RING, key.id, algorithm, wrapped);

    // Any bytes.
    let error = open(data).expect_err("nobody wrapped this");
    assert!(error.to_string().contains(&key.id.to_string()));

    // Bytes altered, the first ones and as many as there are.
    let mut altered = key.wrapped.clone();
    altered.iter_mut().zip(data).for_each(|(byte, change)| *byte ^= change);
    match open(&altered) {
        Ok(opened) => {
            assert_eq!(altered, key.wrapped, "altered, and yet it opens");
            assert_eq!(opened.belongs_to(&key.public_key), Ok(()));
        }
        Err(error) => {
            assert_ne!(altered, key.wrapped, "as it was, and yet it does not open: {error}");
            assert!(error.to_string().contains(&key.id.to_string()));
        }
    }

    // Any document, wrapped by who has the data key.
    let wrapped = wrap(&DATA_KEY, RING, key.id, algorithm, data).expect("memory");
    let document = unwrap(&DATA_KEY, RING, key.id, algorithm, &wrapped).expect("it opens again");
    assert_eq!(*document, data);
    if let Ok(opened) = open(&wrapped) {
        let mut signature = Vec::new();
        if opened.sign(b"payload", &mut signature).is_ok() {
            assert_eq!(signature.len(), opened.signature_len());
        }
    }
});
