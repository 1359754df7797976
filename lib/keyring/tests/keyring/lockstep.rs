//! Batches that the kernel signs, where the processor has its instructions; elsewhere the same holds for what signs there.

use std::collections::HashSet;

use chancery_keyring::{Algorithm, BatchOutcome, Library, Signatures, SigningKey};

use crate::fixtures::{Ways, signature_of, signing_key, verifies, verifying_key};

const IN_LOCKSTEP: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// Asserts that signatures are those of payloads: the same bytes as one by one, or ones that are true by every library where
/// no two are alike.
fn are_those_of<'a>(
    key: &SigningKey,
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
    signatures: &Signatures,
    about: &str,
) {
    let algorithm = key.algorithm();
    assert_eq!(signatures.len(), payloads.clone().count(), "{algorithm}, {about}");
    let is_always_alike = algorithm != Algorithm::Es256;
    let public = Ways::of(verifying_key(algorithm));
    for (record, (payload, signature)) in payloads.zip(signatures).enumerate() {
        let is_right = if is_always_alike {
            signature == signature_of(key, payload)
        } else {
            verifies(&public, payload, signature)
        };
        assert!(is_right, "{algorithm}, {about}, record {record}");
    }
    if !is_always_alike {
        let halves: HashSet<&[u8]> = signatures.iter().map(|signature| &signature[..32]).collect();
        assert_eq!(halves.len(), signatures.len(), "a nonce is used once: {algorithm}, {about}");
    }
}

fn payloads(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n; usize::from(n) * 3]).collect()
}

#[test]
fn a_batch_of_the_kernel_has_the_signatures_of_its_records_one_by_one() {
    for algorithm in IN_LOCKSTEP {
        let key = signing_key(algorithm);
        for records in [0, 1, 3, 4, 7, 8, 9, 11, 12, 16, 17, 21, 63, 64, 65, 73] {
            let payloads = payloads(records);
            // As a batch of its own, and as the last part of one that another library may sign.
            for batch in [u64::from(records), 100] {
                let mut signatures = Signatures::new(key.signature_len());
                let payloads = payloads.iter().map(Vec::as_slice);
                let outcome = key.sign_batch(batch, payloads.clone(), || true, &mut signatures).unwrap();
                assert_eq!(outcome, BatchOutcome::Complete);
                let about = format!("{records} of {batch} by {}", key.library(batch));
                are_those_of(&key, payloads, &signatures, &about);
            }
        }
    }
}

#[test]
fn a_batch_of_the_kernel_with_long_payloads_has_the_signatures_of_its_records_one_by_one() {
    for algorithm in IN_LOCKSTEP {
        let key = signing_key(algorithm);
        let payloads: Vec<Vec<u8>> = (0..30_u8).map(|n| vec![n; 17_000 * usize::from(n % 5)]).collect();
        let payloads = payloads.iter().map(Vec::as_slice);
        let mut signatures = Signatures::new(key.signature_len());
        let outcome = key.sign_batch(30, payloads.clone(), || true, &mut signatures);
        assert_eq!(outcome, Ok(BatchOutcome::Complete));
        are_those_of(&key, payloads, &signatures, "long ones");
    }
}

#[test]
fn a_payload_that_is_signed_twice_in_a_batch_of_es256_has_two_signatures() {
    let key = signing_key(Algorithm::Es256);
    let payloads = [b"the same".as_slice(); 20];
    let mut signatures = Signatures::new(key.signature_len());
    for _ in 0..2 {
        let outcome = key.sign_batch(20, payloads.into_iter(), || true, &mut signatures);
        assert_eq!(outcome, Ok(BatchOutcome::Complete));
    }
    are_those_of(&key, payloads.into_iter().chain(payloads), &signatures, "all alike");
}

#[test]
fn few_records_and_what_the_kernel_is_not_made_for_are_signed_by_the_others() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let by_the_kernel =
            IN_LOCKSTEP.contains(&algorithm) && chancery_kernel::Kernel::available().is_some();
        let alone = if algorithm == Algorithm::Es256k { Library::Secp256k1 } else { Library::AwsLcRs };
        let expected = if by_the_kernel { Library::Kernel } else { alone };
        let least = if matches!(algorithm, Algorithm::Es256 | Algorithm::EdDsa) { 8 } else { 4 };
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
            let still_ours = || {
                asked += 1;
                asked <= granted
            };
            let payloads = payloads.iter().map(Vec::as_slice);
            let outcome = key.sign_batch(18, payloads.clone(), still_ours, &mut signatures).unwrap();
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
            are_those_of(&key, payloads.take(signed), &signatures, &format!("{granted} were granted"));
        }
    }
}

#[test]
fn a_batch_of_the_kernel_in_several_pieces_has_its_signatures_and_stops_at_any_of_them() {
    for algorithm in IN_LOCKSTEP {
        let key = signing_key(algorithm);
        let payloads: Vec<[u8; 2]> = (0..1_030_u16).map(u16::to_be_bytes).collect();
        let payloads = || payloads.iter().map(<[u8; 2]>::as_slice);
        let mut whole = Signatures::new(key.signature_len());
        assert_eq!(key.sign_batch(1_030, payloads(), || true, &mut whole), Ok(BatchOutcome::Complete));
        are_those_of(&key, payloads(), &whole, "all");
        let eights = if key.library(1_030) == Library::Kernel { 8 } else { 1 };
        for granted in [63, 64, 65, 128] {
            let mut signatures = Signatures::new(key.signature_len());
            let mut asked = 0;
            let still_ours = || {
                asked += 1;
                asked <= granted
            };
            let outcome = key.sign_batch(1_030, payloads(), still_ours, &mut signatures);
            let signed = granted * eights;
            assert_eq!(outcome, Ok(BatchOutcome::Stopped { signed }));
            assert_eq!((signatures.len(), asked), (signed, granted + 1));
            are_those_of(&key, payloads().take(signed), &signatures, &format!("{granted} were granted"));
        }
    }
}
