//! Public keys, as an audit finds them in a ledger: SubjectPublicKeyInfo in DER.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{Algorithm, VerifyingKey, public_key_pem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    for algorithm in Algorithm::ALL {
        let Ok(key) = VerifyingKey::from_spki_der(algorithm, der) else { continue };
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.rsa_key_size().is_some(), algorithm.is_rsa());
        for length in [0, 64, 256, 384, 512] {
            assert!(!key.verify(b"payload", &vec![0; length]), "nothing but zeros is a signature");
        }
    }
    let pem = public_key_pem(der);
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(STANDARD.decode(body).ok().as_deref(), Some(der));
});
