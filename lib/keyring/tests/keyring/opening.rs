use chancery_keyring::{Algorithm, DataKey, GeneratedKey, SigningKey, UnwrapError, unwrap, wrap};

use crate::fixtures::{KEYRING, data_key, key_of, open};

/// The private key of `given`, wrapped by whoever has the data key as one of `claimed`.
fn mislabelled(given: Algorithm, claimed: Algorithm) -> GeneratedKey {
    let key = key_of(given);
    let pkcs8 = unwrap(&data_key(), KEYRING, key.id, given, &key.wrapped).unwrap();
    rewrapped(key, claimed, &pkcs8)
}

fn rewrapped(key: &GeneratedKey, algorithm: Algorithm, pkcs8: &[u8]) -> GeneratedKey {
    GeneratedKey { wrapped: wrap(&data_key(), KEYRING, key.id, algorithm, pkcs8).unwrap(), ..key.clone() }
}

#[test]
fn a_private_key_of_another_kind_is_refused_with_its_id_and_the_algorithm() {
    for claimed in Algorithm::ALL {
        for given in Algorithm::ALL {
            let key = mislabelled(given, claimed);
            let opened = open(claimed, &key);
            if claimed == given || (claimed.is_rsa() && given.is_rsa()) {
                assert_eq!(opened.unwrap().algorithm(), claimed);
                continue;
            }
            let error = opened.unwrap_err();
            assert!(matches!(error, UnwrapError::Rejected { .. }), "{error}");
            let message = error.to_string();
            assert!(message.contains(&key.id.to_string()), "{message}");
            assert!(message.contains(claimed.name()), "{message}");
        }
    }
}

#[test]
fn a_private_key_cut_short_or_no_key_at_all_is_refused() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        let pkcs8 = unwrap(&data_key(), KEYRING, key.id, algorithm, &key.wrapped).unwrap();
        for length in 0..pkcs8.len() {
            let error = open(algorithm, &rewrapped(key, algorithm, &pkcs8[..length])).unwrap_err();
            assert!(matches!(error, UnwrapError::Rejected { .. }), "{error}");
        }
    }
}

#[test]
fn an_rsa_private_key_of_another_size_is_refused_with_its_id_and_size() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let key = key_of(algorithm);
        // Made by openssl genpkey for this test; it has never signed anything.
        let odd = rewrapped(key, algorithm, include_bytes!("rsa_2560.pkcs8.der"));
        let error = open(algorithm, &odd).unwrap_err();
        assert_eq!(error, UnwrapError::RsaKeySize { key: key.id, bytes: 320 });
        assert!(error.to_string().contains(&key.id.to_string()), "{error}");
    }
}

#[test]
fn a_key_of_every_algorithm_altered_in_any_byte_is_refused_with_its_id() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        for place in 0..key.wrapped.len() {
            let mut altered = key.clone();
            altered.wrapped[place] ^= 0x80;
            let message = open(algorithm, &altered).unwrap_err().to_string();
            assert!(message.contains(&key.id.to_string()), "{message}");
        }
    }
}

#[test]
fn a_key_does_not_open_under_another_data_key() {
    let key = key_of(Algorithm::EdDsa);
    let error =
        SigningKey::open(&DataKey::generate(), KEYRING, key.id, Algorithm::EdDsa, &key.wrapped).unwrap_err();
    assert_eq!(error, UnwrapError::DoesNotOpen { key: key.id });
}

#[test]
fn a_key_belongs_to_its_own_public_key_and_to_no_other() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        let opened = open(algorithm, key).unwrap();
        assert_eq!(opened.belongs_to(&key.public_key), Ok(()));
        let mut longer = key.public_key.clone();
        longer.push(0);
        let others = Algorithm::ALL.into_iter().map(key_of).filter(|other| other.id != key.id);
        for other in others.map(|other| other.public_key.as_slice()).chain([&longer[..], &[]]) {
            let error = opened.belongs_to(other).unwrap_err();
            assert_eq!(error, UnwrapError::OtherPublicKey { key: key.id });
            assert!(error.to_string().contains(&key.id.to_string()), "{error}");
        }
    }
}
