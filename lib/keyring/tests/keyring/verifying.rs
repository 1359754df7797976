use chancery_keyring::{Algorithm, Library, PublicKeyError, VerifyingKey};

use crate::fixtures::{Ways, fresh_key, key_of, signature_of, signing_key, verifies, verifying_key};

const PAYLOAD: &[u8] = b"record 17 of the run";

#[test]
fn a_flipped_bit_anywhere_in_the_signature_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = Ways::of(verifying_key(algorithm));
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        // All of them, but of the long ones of ML-DSA, of which some in each part.
        for bit in (0..signature.len() * 8).step_by(if signature.len() > 512 { 41 } else { 1 }) {
            let mut altered = signature.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifies(&verifying, PAYLOAD, &altered), "{algorithm} {bit}");
        }
        assert!(verifies(&verifying, PAYLOAD, &signature));
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_payload_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = Ways::of(verifying_key(algorithm));
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        for bit in 0..PAYLOAD.len() * 8 {
            let mut altered = PAYLOAD.to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifies(&verifying, &altered, &signature), "{algorithm} {bit}");
        }
        assert!(!verifies(&verifying, &PAYLOAD[1..], &signature));
        assert!(!verifies(&verifying, &[PAYLOAD, b"\0"].concat(), &signature));
    }
}

#[test]
fn a_signature_of_any_other_length_fails() {
    for algorithm in Algorithm::ALL {
        let verifying = Ways::of(verifying_key(algorithm));
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        for length in (0..signature.len()).rev().take(512) {
            assert!(!verifies(&verifying, PAYLOAD, &signature[..length]));
        }
        for more in [[signature.as_slice(), b"\0"].concat(), [b"\0", signature.as_slice()].concat()] {
            assert!(!verifies(&verifying, PAYLOAD, &more), "{algorithm}");
        }
    }
}

#[test]
fn signatures_of_all_zeros_or_all_ones_fail() {
    for algorithm in Algorithm::ALL {
        let verifying = Ways::of(verifying_key(algorithm));
        let length = signing_key(algorithm).signature_len();
        assert!(!verifies(&verifying, PAYLOAD, &vec![0; length]));
        assert!(!verifies(&verifying, PAYLOAD, &vec![0xff; length]));
    }
}

#[test]
fn each_signature_of_a_batch_has_the_verdict_that_it_has_alone() {
    for algorithm in Algorithm::ALL {
        let (signing, verifying) = (signing_key(algorithm), verifying_key(algorithm));
        let payloads: Vec<Vec<u8>> = (0..21).map(|n| vec![n; usize::from(n)]).collect();
        let mut signatures: Vec<_> = payloads.iter().map(|payload| signature_of(&signing, payload)).collect();
        signatures[2].pop();
        signatures[7][0] ^= 1;
        signatures[8].push(0);
        signatures[9].clear();
        signatures.swap(15, 16);
        let expected: Vec<bool> = (0..21).map(|n| ![2, 7, 8, 9, 15, 16].contains(&n)).collect();
        let pairs: Vec<(&[u8], &[u8])> =
            payloads.iter().zip(&signatures).map(|(payload, signature)| (&**payload, &**signature)).collect();
        for made_by in Library::ALL {
            for key in [verifying.clone(), verifying.clone().for_many()] {
                assert_eq!(key.verify_batch(made_by, &pairs), expected, "{algorithm}, made by {made_by}");
                assert!(key.verify_batch(made_by, &[]).is_empty());
            }
        }
    }
}

#[test]
fn a_signature_of_another_key_fails() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let other = fresh_key(algorithm);
        let verifying = Ways::of(VerifyingKey::from_spki_der(algorithm, &other.public_key).unwrap());
        let signature = signature_of(&signing_key(algorithm), PAYLOAD);
        assert!(!verifies(&verifying, PAYLOAD, &signature), "{algorithm}");
    }
}

#[test]
fn an_rs256_signature_is_no_ps256_signature_of_the_same_key_nor_the_reverse() {
    for (signed, checked) in [(Algorithm::Rs256, Algorithm::Ps256), (Algorithm::Ps256, Algorithm::Rs256)] {
        let verifying = Ways::of(VerifyingKey::from_spki_der(checked, &key_of(signed).public_key).unwrap());
        let signature = signature_of(&signing_key(signed), PAYLOAD);
        assert!(!verifies(&verifying, PAYLOAD, &signature));
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
