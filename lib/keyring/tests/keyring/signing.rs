use std::collections::HashSet;

use chancery_keyring::{Algorithm, BatchOutcome, SignError, Signatures};

use crate::fixtures::{fresh_key, key_of, signature_of, signing_key, verifying_key};

fn payloads(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n; usize::from(n) * 3]).collect()
}

#[test]
fn what_each_algorithm_signs_the_other_library_verifies() {
    for algorithm in Algorithm::ALL {
        let (signing, verifying) = (signing_key(algorithm), verifying_key(algorithm));
        for length in [0, 1, 31, 64, 1000, 1 << 20] {
            let payload = vec![0x5a; length];
            let signature = signature_of(&signing, &payload);
            assert_eq!(signature.len(), signing.signature_len(), "{algorithm}");
            assert!(verifying.verify(&payload, &signature), "{algorithm}");
        }
    }
}

#[test]
fn a_key_knows_its_id_its_algorithm_and_the_length_of_its_signatures() {
    for (algorithm, length) in Algorithm::ALL.into_iter().zip([256, 256, 64, 96, 64, 64, 2_420, 3_309, 4_627])
    {
        let key = signing_key(algorithm);
        assert_eq!(key.id(), key_of(algorithm).id);
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.signature_len(), length);
    }
}

#[test]
fn some_algorithms_sign_a_payload_always_alike_and_the_others_never() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let different: HashSet<_> = (0..3).map(|_| signature_of(&key, b"a payload")).collect();
        let always_alike = matches!(algorithm, Algorithm::Rs256 | Algorithm::Es256k | Algorithm::EdDsa);
        assert_eq!(different.len(), if always_alike { 1 } else { 3 });
    }
}

#[test]
fn a_signature_is_appended_and_leaves_what_was_there() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let mut out = b"before".to_vec();
        key.sign(b"a payload", &mut out).unwrap();
        let (before, signature) = out.split_at(6);
        assert_eq!(before, b"before");
        assert!(verifying_key(algorithm).verify(b"a payload", signature));
    }
}

#[test]
fn a_batch_is_signed_in_order() {
    for algorithm in Algorithm::ALL {
        let (signing, verifying) = (signing_key(algorithm), verifying_key(algorithm));
        let payloads = payloads(5);
        let mut signatures = Signatures::new(signing.signature_len());
        let outcome =
            signing.sign_batch(5, payloads.iter().map(Vec::as_slice), || true, &mut signatures).unwrap();
        assert_eq!(outcome, BatchOutcome::Complete);
        assert_eq!(signatures.len(), payloads.len());
        for (payload, signature) in payloads.iter().zip(&signatures) {
            assert!(verifying.verify(payload, signature), "{algorithm}");
        }
    }
}

#[test]
fn a_batch_stops_before_the_first_record_for_which_the_key_is_no_longer_ours() {
    let key = signing_key(Algorithm::EdDsa);
    let payloads = payloads(6);
    for granted in 0..payloads.len() {
        let mut signatures = Signatures::new(64);
        let mut asked = 0;
        let outcome = key
            .sign_batch(
                6,
                payloads.iter().map(Vec::as_slice),
                || {
                    asked += 1;
                    asked <= granted
                },
                &mut signatures,
            )
            .unwrap();
        assert_eq!(outcome, BatchOutcome::Stopped { signed: granted });
        assert_eq!(signatures.len(), granted);
        assert_eq!(asked, granted + 1, "asked once a record, and not again");
    }
}

#[test]
fn a_batch_is_asked_for_before_each_record_and_not_after_the_last() {
    let key = signing_key(Algorithm::EdDsa);
    let payloads = payloads(6);
    let mut signatures = Signatures::new(64);
    let mut asked = 0;
    let outcome = key
        .sign_batch(
            6,
            payloads.iter().map(Vec::as_slice),
            || {
                asked += 1;
                true
            },
            &mut signatures,
        )
        .unwrap();
    assert_eq!((outcome, asked), (BatchOutcome::Complete, 6));
}

#[test]
fn a_batch_of_nothing_is_complete() {
    let key = signing_key(Algorithm::EdDsa);
    let mut signatures = Signatures::new(64);
    let outcome = key.sign_batch(0, std::iter::empty(), || false, &mut signatures).unwrap();
    assert_eq!(outcome, BatchOutcome::Complete);
    assert!(signatures.is_empty());
}

#[test]
fn a_second_batch_goes_behind_the_first() {
    let key = signing_key(Algorithm::EdDsa);
    let mut signatures = Signatures::new(64);
    for payload in [b"one".as_slice(), b"two"] {
        let outcome = key.sign_batch(1, [payload].into_iter(), || true, &mut signatures);
        assert_eq!(outcome, Ok(BatchOutcome::Complete));
    }
    let two = signature_of(&key, b"two");
    assert_eq!(signatures.iter().next_back(), Some(two.as_slice()));
    assert_eq!(signatures.len(), 2);
}

#[test]
fn a_container_for_signatures_of_another_length_is_refused_before_anything_is_signed() {
    let key = signing_key(Algorithm::Rs256);
    let mut signatures = Signatures::new(64);
    let error = key.sign_batch(1, [b"one".as_slice()].into_iter(), || true, &mut signatures).unwrap_err();
    assert!(matches!(error, SignError::SignatureLength { .. }));
    assert!(error.to_string().contains(&key.id().to_string()), "{error}");
    assert!(signatures.is_empty());
}

#[test]
fn a_batch_takes_its_memory_once() {
    let key = signing_key(Algorithm::EdDsa);
    let payloads = payloads(100);
    let mut signatures = Signatures::new(64);
    let mut first_place = None;
    for _ in 0..3 {
        signatures.clear();
        let _ = key.sign_batch(100, payloads.iter().map(Vec::as_slice), || true, &mut signatures).unwrap();
        let place = signatures.as_bytes().as_ptr();
        assert_eq!(*first_place.get_or_insert(place), place);
    }
}

#[test]
fn two_threads_may_sign_with_one_key() {
    for algorithm in Algorithm::ALL {
        let (signing, verifying) = (&signing_key(algorithm), &verifying_key(algorithm));
        std::thread::scope(|scope| {
            for n in 0..4_u8 {
                scope.spawn(move || {
                    for _ in 0..10 {
                        assert!(verifying.verify(&[n], &signature_of(signing, &[n])));
                    }
                });
            }
        });
    }
}

#[test]
fn debug_of_a_signing_key_shows_its_id_and_algorithm_only() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey {{ id: {}, algorithm: {algorithm:?}, .. }}", key.id())
        );
    }
}

#[test]
fn a_fresh_key_has_the_sizes_that_the_documentation_gives() {
    for (algorithm, public, wrapped) in [
        (Algorithm::Rs256, 294, 1230..=1260),
        (Algorithm::Ps256, 294, 1230..=1260),
        (Algorithm::Es256, 91, 167..=167),
        (Algorithm::Es384, 120, 214..=214),
        (Algorithm::Es256k, 88, 164..=164),
        (Algorithm::EdDsa, 44, 77..=77),
        (Algorithm::MlDsa44, 1_334, 83..=83),
        (Algorithm::MlDsa65, 1_974, 83..=83),
        (Algorithm::MlDsa87, 2_614, 83..=83),
    ] {
        let key = key_of(algorithm);
        assert_eq!(key.public_key.len(), public, "{algorithm}");
        assert!(wrapped.contains(&key.wrapped.len()), "{algorithm}: {}", key.wrapped.len());
    }
}

#[test]
fn fresh_keys_differ_and_later_ids_sort_later() {
    let keys: Vec<_> = (0..10).map(|_| fresh_key(Algorithm::EdDsa)).collect();
    assert!(keys.is_sorted_by(|one, next| one.id < next.id));
    let public: HashSet<_> = keys.iter().map(|key| &key.public_key).collect();
    assert_eq!(public.len(), keys.len());
    assert_eq!(keys[0].id.get_version_num(), 7);
}
