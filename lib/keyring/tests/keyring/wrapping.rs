use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{Algorithm, DataKey, UnwrapError, unwrap, wrap};
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixtures::{KEYRING, data_key};

const KEY: Uuid = Uuid::from_u128(0x9999_aaaa_bbbb_cccc_dddd_eeee_ffff_0000);
const DOCUMENT: &[u8] = b"what a private key might look like";

fn wrapped() -> Vec<u8> {
    wrap(&data_key(), KEYRING, KEY, Algorithm::Es256, DOCUMENT).unwrap()
}

fn opened(wrapped: &[u8]) -> Result<Vec<u8>, UnwrapError> {
    unwrap(&data_key(), KEYRING, KEY, Algorithm::Es256, wrapped).map(|document| document.to_vec())
}

/// The error, after a look at what every one must hold and must not hold.
fn refused<T: std::fmt::Debug>(result: Result<T, UnwrapError>, key: Uuid) -> UnwrapError {
    let error = result.unwrap_err();
    let message = error.to_string();
    assert!(message.contains(&key.to_string()), "{message}");
    assert!(!format!("{message} {error:?}").contains("private key might"));
    error
}

#[test]
fn a_wrapped_key_opens_again() {
    assert_eq!(opened(&wrapped()).unwrap(), DOCUMENT);
}

#[test]
fn a_wrapped_key_is_a_version_a_nonce_the_ciphertext_and_a_tag() {
    let wrapped = wrapped();
    assert_eq!(wrapped.len(), 1 + 12 + DOCUMENT.len() + 16);
    assert_eq!(wrapped[0], 1);
    assert!(!wrapped.windows(8).any(|bytes| DOCUMENT.starts_with(bytes)));
}

#[test]
fn the_format_is_fixed_by_a_key_that_another_program_wrapped() {
    // Python, cryptography: AESGCM(bytes([7]) * 32).encrypt(bytes(range(12)), document,
    // b"chancery wrapped key v1" + keyring + key + b"ES256")
    let wrapped = STANDARD
        .decode(concat!(
            "AQABAgMEBQYHCAkKC2/piAQ9aPk5BduT/ZY9TJGERZbj",
            "cQUfRTaiDNXl9wFstQr4t5gBL7zcm+9FuR0DTu56",
        ))
        .unwrap();
    assert_eq!(opened(&wrapped).unwrap(), DOCUMENT);
}

#[test]
fn every_wrapping_has_a_nonce_of_its_own() {
    let nonces: HashSet<_> = (0..100).map(|_| wrapped()[1..13].to_vec()).collect();
    assert_eq!(nonces.len(), 100);
}

#[test]
fn another_data_key_does_not_open_it() {
    let result = unwrap(&DataKey::generate(), KEYRING, KEY, Algorithm::Es256, &wrapped());
    let error = refused(result, KEY);
    assert_eq!(error, UnwrapError::DoesNotOpen { key: KEY });
    assert!(error.to_string().contains("the data key is not the one that wrapped it"));
}

#[test]
fn cut_at_any_length_it_is_refused() {
    let wrapped = wrapped();
    for given in 0..wrapped.len() {
        let error = refused(opened(&wrapped[..given]), KEY);
        if given < 29 {
            assert_eq!(error, UnwrapError::Truncated { key: KEY, given, least: 29 });
            assert!(error.to_string().contains(&format!("{given} bytes")));
        } else {
            assert_eq!(error, UnwrapError::DoesNotOpen { key: KEY });
        }
    }
}

#[test]
fn with_any_bit_flipped_it_is_refused() {
    let wrapped = wrapped();
    for bit in 0..wrapped.len() * 8 {
        let mut altered = wrapped.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let error = refused(opened(&altered), KEY);
        if bit < 8 {
            let given = altered[0];
            assert_eq!(error, UnwrapError::UnknownVersion { key: KEY, given });
        } else {
            assert_eq!(error, UnwrapError::DoesNotOpen { key: KEY });
        }
    }
}

#[test]
fn with_a_byte_too_many_it_is_refused() {
    let mut wrapped = wrapped();
    wrapped.push(0);
    refused(opened(&wrapped), KEY);
}

#[test]
fn passed_off_as_another_key_it_is_refused_with_the_other_id() {
    let other = Uuid::now_v7();
    let result = unwrap(&data_key(), KEYRING, other, Algorithm::Es256, &wrapped());
    assert_eq!(refused(result, other), UnwrapError::DoesNotOpen { key: other });
}

#[test]
fn passed_off_as_a_key_of_another_keyring_it_is_refused() {
    let result = unwrap(&data_key(), Uuid::now_v7(), KEY, Algorithm::Es256, &wrapped());
    assert_eq!(refused(result, KEY), UnwrapError::DoesNotOpen { key: KEY });
}

#[test]
fn passed_off_with_key_and_keyring_swapped_it_is_refused() {
    let result = unwrap(&data_key(), KEY, KEYRING, Algorithm::Es256, &wrapped());
    assert_eq!(refused(result, KEYRING), UnwrapError::DoesNotOpen { key: KEYRING });
}

#[test]
fn passed_off_as_a_key_of_another_algorithm_it_is_refused() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
        let result = unwrap(&data_key(), KEYRING, KEY, algorithm, &wrapped());
        assert_eq!(refused(result, KEY), UnwrapError::DoesNotOpen { key: KEY });
    }
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(&Algorithm::ALL)
}

proptest! {
    #[test]
    fn whatever_is_wrapped_opens_to_the_same_bytes(
        data_key: [u8; 32],
        keyring: u128,
        key: u128,
        algorithm in algorithms(),
        document in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        let (keyring, key) = (Uuid::from_u128(keyring), Uuid::from_u128(key));
        let data_key = DataKey::from_bytes(data_key);
        let wrapped = wrap(&data_key, keyring, key, algorithm, &document).unwrap();
        prop_assert_eq!(wrapped.len(), document.len() + 29);
        let opened = unwrap(&data_key, keyring, key, algorithm, &wrapped).unwrap();
        prop_assert_eq!(&*opened, &document);
    }

    #[test]
    fn bytes_that_no_one_wrapped_never_open(
        wrapped in prop::collection::vec(any::<u8>(), 0..200),
        with_version: bool,
        algorithm in algorithms(),
    ) {
        let mut wrapped = wrapped;
        if with_version && let Some(version) = wrapped.first_mut() {
            *version = 1;
        }
        let result = unwrap(&data_key(), KEYRING, KEY, algorithm, &wrapped);
        refused(result, KEY);
    }
}
