use std::collections::HashSet;

use chancery_keyring::{
    Algorithm, BatchOutcome, Envelope, Form, Library, SignError, Signatures, SigningKey, VerifyingKey,
};

use crate::fixtures::{KEYRING, data_key, fresh_key, key_of, signature_of, signing_key, verifying_key};

/// What the kernel signs, where the processor has its instructions.
const IN_LOCKSTEP: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// Of these, what signs a payload always alike.
const ALIKE: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::EdDsa];

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
fn a_batch_of_the_kernel_has_the_same_bytes_as_its_records_one_by_one() {
    for algorithm in ALIKE {
        let key = signing_key(algorithm);
        for records in [0, 1, 3, 4, 7, 8, 9, 11, 12, 16, 21] {
            let payloads = payloads(records);
            let mut one_by_one = Vec::new();
            for payload in &payloads {
                key.sign(payload, &mut one_by_one).unwrap();
            }
            // As a batch of its own, and as the last part of one that another library may sign.
            for batch in [u64::from(records), 100] {
                let mut signatures = Signatures::new(key.signature_len());
                let payloads = payloads.iter().map(Vec::as_slice);
                let outcome = key.sign_batch(batch, payloads, || true, &mut signatures).unwrap();
                assert_eq!(outcome, BatchOutcome::Complete);
                assert!(
                    signatures.as_bytes() == one_by_one,
                    "{records} of {batch} by {}",
                    key.library(batch)
                );
            }
        }
    }
}

#[test]
fn a_batch_of_the_kernel_with_long_payloads_has_the_same_bytes_as_its_records_one_by_one() {
    for algorithm in ALIKE {
        let key = signing_key(algorithm);
        let payloads: Vec<Vec<u8>> = (0..30_u8).map(|n| vec![n; 17_000 * usize::from(n % 5)]).collect();
        let one_by_one: Vec<u8> = payloads.iter().flat_map(|payload| signature_of(&key, payload)).collect();
        let mut signatures = Signatures::new(key.signature_len());
        let outcome = key.sign_batch(30, payloads.iter().map(Vec::as_slice), || true, &mut signatures);
        assert_eq!(outcome, Ok(BatchOutcome::Complete));
        assert!(signatures.as_bytes() == one_by_one, "{algorithm}");
    }
}

#[test]
fn batches_of_es256_by_the_kernel_verify_in_any_number_and_envelope_and_stop_at_any_eight() {
    for envelope in [Envelope::Raw, Envelope::Jws, Envelope::CoseSign1, Envelope::Dsse] {
        let form = Form::new(Algorithm::Es256, envelope, None).unwrap();
        let made = key_of(Algorithm::Es256);
        let key = SigningKey::open_in(&form, &data_key(), KEYRING, made.id, &made.wrapped).unwrap();
        let verifying = VerifyingKey::of_form(&form, &made.public_key).unwrap();
        for (records, granted) in
            [(8, 9), (9, 9), (16, 9), (21, 9), (513, 99), (1_030, 199), (18, 2), (1_030, 65), (1_030, 128)]
        {
            let payloads: Vec<Vec<u8>> =
                (0..records).map(|n: usize| vec![n.to_le_bytes()[0]; n % 300]).collect();
            let mut signatures = Signatures::new(key.signature_len());
            let mut asked = 0;
            let still_ours = || {
                asked += 1;
                asked <= granted
            };
            let all = payloads.iter().map(Vec::as_slice);
            let outcome = key.sign_batch(records as u64, all, still_ours, &mut signatures).unwrap();
            let made_by = key.library(records as u64);
            let eights = if made_by == Library::Kernel { 8 } else { 1 };
            let signed = (granted * eights).min(records);
            let expected =
                if signed == records { BatchOutcome::Complete } else { BatchOutcome::Stopped { signed } };
            assert_eq!((outcome, signatures.len()), (expected, signed));
            let pairs: Vec<_> = payloads.iter().map(Vec::as_slice).zip(&signatures).collect();
            assert_eq!(verifying.verify_batch(made_by, &pairs), vec![true; signed]);
            for ((payload, signature), others) in pairs.iter().zip(payloads.iter().skip(1)) {
                assert!(verifying.verify(payload, signature));
                assert_eq!(verifying.verify(others, signature), others == payload);
            }
        }
    }
}

#[test]
fn few_records_and_what_the_kernel_is_not_made_for_are_signed_by_the_others() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let by_the_kernel =
            IN_LOCKSTEP.contains(&algorithm) && chancery_kernel::Kernel::available().is_some();
        let alone = if algorithm == Algorithm::Es256k { Library::Secp256k1 } else { Library::AwsLcRs };
        let expected = if by_the_kernel { Library::Kernel } else { alone };
        let least = if algorithm == Algorithm::Rs256 { 4 } else { 8 };
        assert_eq!([1, least - 1].map(|records| key.library(records)), [alone; 2]);
        assert_eq!([least, 1_000].map(|records| key.library(records)), [expected; 2], "{algorithm}");
    }
}

#[test]
fn a_batch_of_the_kernel_stops_with_whole_signatures_when_the_key_is_no_longer_ours() {
    for algorithm in IN_LOCKSTEP {
        let key = signing_key(algorithm);
        let payloads = payloads(18);
        for granted in 0..4 {
            let mut signatures = Signatures::new(key.signature_len());
            let mut asked = 0;
            let outcome = key
                .sign_batch(
                    18,
                    payloads.iter().map(Vec::as_slice),
                    || {
                        asked += 1;
                        asked <= granted
                    },
                    &mut signatures,
                )
                .unwrap();
            let signed = signatures.len();
            if signed == payloads.len() {
                assert_eq!(outcome, BatchOutcome::Complete);
            } else {
                assert_eq!(outcome, BatchOutcome::Stopped { signed });
            }
            assert!(signed <= 8 * granted && signed >= granted);
            if key.library(18) == Library::Kernel {
                assert_eq!(signed, (8 * granted).min(18), "eight records for each yes");
            }
        }
    }
}

#[test]
fn a_batch_of_the_kernel_in_several_pieces_has_the_same_bytes_and_stops_at_any_of_them() {
    for algorithm in ALIKE {
        let key = signing_key(algorithm);
        let payloads: Vec<[u8; 2]> = (0..1_030_u16).map(u16::to_be_bytes).collect();
        let payloads = || payloads.iter().map(<[u8; 2]>::as_slice);
        let mut whole = Signatures::new(key.signature_len());
        assert_eq!(key.sign_batch(1_030, payloads(), || true, &mut whole), Ok(BatchOutcome::Complete));
        assert_eq!(whole.len(), 1_030);
        for (record, (payload, signature)) in payloads().zip(&whole).enumerate() {
            // The first and last of each piece, and some between.
            if record % 512 < 9 || record % 512 > 503 {
                assert!(signature == signature_of(&key, payload), "record {record}");
            }
        }
        let eights = if key.library(1_030) == Library::Kernel { 8 } else { 1 };
        for granted in [63, 64, 65, 128] {
            let mut signatures = Signatures::new(key.signature_len());
            let mut asked = 0;
            let still_ours = || {
                asked += 1;
                asked <= granted
            };
            let outcome = key.sign_batch(1_030, payloads(), still_ours, &mut signatures);
            assert_eq!(outcome, Ok(BatchOutcome::Stopped { signed: granted * eights }));
            assert!(whole.as_bytes().starts_with(signatures.as_bytes()), "{granted} were granted");
            assert_eq!((signatures.len(), asked), (granted * eights, granted + 1));
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
