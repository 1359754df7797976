use chancery_keyring::{Algorithm, PublicKeyError, VerifyingKey};

use crate::fixtures::{fresh_key, key_of, signature_of, signing_key, verifying_key};

const PAYLOAD: &[u8] = b"record 17 of the run";

#[test]
fn a_flipped_bit_anywhere_in_the_signature_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = verifying_key(algorithm);
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        for bit in 0..signature.len() * 8 {
            let mut altered = signature.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifying.verify(PAYLOAD, &altered), "{algorithm} {bit}");
        }
        assert!(verifying.verify(PAYLOAD, &signature));
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_payload_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = verifying_key(algorithm);
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        for bit in 0..PAYLOAD.len() * 8 {
            let mut altered = PAYLOAD.to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifying.verify(&altered, &signature), "{algorithm} {bit}");
        }
        assert!(!verifying.verify(&PAYLOAD[1..], &signature));
        assert!(!verifying.verify(&[PAYLOAD, b"\0"].concat(), &signature));
    }
}

#[test]
fn a_signature_of_any_other_length_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = verifying_key(algorithm);
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        for length in 0..signature.len() {
            assert!(!verifying.verify(PAYLOAD, &signature[..length]));
        }
        for more in [[signature.as_slice(), b"\0"].concat(), [b"\0", signature.as_slice()].concat()] {
            assert!(!verifying.verify(PAYLOAD, &more), "{algorithm}");
        }
    }
}

#[test]
fn signatures_of_all_zeros_or_all_ones_fail() {
    for algorithm in Algorithm::ALL {
        let verifying = verifying_key(algorithm);
        let length = signing_key(algorithm).signature_len();
        assert!(!verifying.verify(PAYLOAD, &vec![0; length]));
        assert!(!verifying.verify(PAYLOAD, &vec![0xff; length]));
    }
}

#[test]
fn a_signature_of_another_key_fails() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let other = fresh_key(algorithm);
        let verifying = VerifyingKey::from_spki_der(algorithm, &other.public_key).unwrap();
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        assert!(!verifying.verify(PAYLOAD, &signature), "{algorithm}");
    }
}

#[test]
fn an_rs256_signature_is_no_ps256_signature_of_the_same_key_nor_the_reverse() {
    for (signed, checked) in [(Algorithm::Rs256, Algorithm::Ps256), (Algorithm::Ps256, Algorithm::Rs256)] {
        let verifying = VerifyingKey::from_spki_der(checked, &key_of(signed).public_key).unwrap();
        let signature = signature_of(&signing_key(signed), PAYLOAD);
        assert!(!verifying.verify(PAYLOAD, &signature));
    }
}

#[test]
fn a_public_key_of_another_kind_is_refused_with_the_algorithm_named() {
    for wanted in Algorithm::ALL {
        for given in Algorithm::ALL {
            let key = VerifyingKey::from_spki_der(wanted, &key_of(given).public_key);
            if wanted == given || (wanted.is_rsa() && given.is_rsa()) {
                assert_eq!(key.unwrap().algorithm(), wanted);
            } else {
                let message = key.unwrap_err().to_string();
                assert!(message.contains(wanted.name()), "{message}");
            }
        }
    }
}

#[test]
fn a_public_key_cut_short_anywhere_or_with_a_byte_too_many_is_refused() {
    for algorithm in Algorithm::ALL {
        let spki = &key_of(algorithm).public_key;
        for length in 0..spki.len() {
            let key = VerifyingKey::from_spki_der(algorithm, &spki[..length]);
            assert!(matches!(key, Err(PublicKeyError::Malformed { .. })));
        }
        let more = [spki.as_slice(), b"\0"].concat();
        assert!(VerifyingKey::from_spki_der(algorithm, &more).is_err());
    }
}

#[test]
fn an_rsa_public_key_of_another_size_is_refused_with_its_size() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let error = VerifyingKey::from_spki_der(algorithm, include_bytes!("rsa_2560.spki.der"));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("not 2560"), "{message}");
    }
}

#[test]
fn debug_of_a_verifying_key_is_short() {
    let debug = format!("{:?}", verifying_key(Algorithm::Rs256));
    assert_eq!(debug, "VerifyingKey { algorithm: Rs256, .. }");
}
