//! The same bytes as AWS-LC and `rsa` give.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use rsa::BigUint;

use super::kernel;
use super::keys::{Key, Numbers, OwnedParts, SIZES};
use crate::lanes::Portable;
use crate::sign::{all_or_nothing, sign_by};
use crate::{LANES, PrivateKey, SignError, encode_pkcs1_sha256};

/// By the kernel, or by its portable twin on a processor without the instructions: the arithmetic is the same.
pub(super) fn sign(key: &PrivateKey, messages: &[u8], signatures: &mut Vec<u8>) -> Result<(), SignError> {
    sign_while(key, messages, &mut || true, signatures).map(|_all| ())
}

/// [`sign`] for as long as that says yes; how many are signed.
pub(super) fn sign_while(
    key: &PrivateKey,
    messages: &[u8],
    still_ours: &mut dyn FnMut() -> bool,
    signatures: &mut Vec<u8>,
) -> Result<usize, SignError> {
    match kernel() {
        Some(kernel) => kernel.sign_while(key, messages, still_ours, signatures),
        None => all_or_nothing(signatures, |signatures| {
            sign_by::<Portable>(key, messages, still_ours, signatures)
        }),
    }
}

fn payload(n: usize) -> Vec<u8> {
    format!("record {n}").into_bytes()
}

pub(super) fn encoded(records: usize, len: usize) -> Vec<u8> {
    let mut messages = Vec::new();
    for record in 0..records {
        let digest = digest::digest(&digest::SHA256, &payload(record));
        encode_pkcs1_sha256(digest.as_ref().try_into().expect("32 bytes"), len, &mut messages);
    }
    messages
}

pub(super) fn by_aws_lc(key: &Key, records: usize) -> Vec<u8> {
    let mut signatures = vec![0; records * key.len()];
    for (record, signature) in signatures.chunks_exact_mut(key.len()).enumerate() {
        key.aws
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &payload(record), signature)
            .expect("AWS-LC signs");
    }
    signatures
}

#[test]
fn batches_of_every_length_are_signed_as_aws_lc_signs_them() {
    for size in SIZES {
        let key = Key::generate(size);
        let expected = by_aws_lc(&key, 2 * LANES + 1);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.aws.public_key());
        for records in 0..=2 * LANES + 1 {
            let mut signatures = b"before".to_vec();
            sign(&key.kernel, &encoded(records, key.len()), &mut signatures).expect("the kernel signs");
            assert_eq!(signatures[..6], *b"before");
            assert!(signatures[6..] == expected[..records * key.len()], "{size:?}, {records} records");
            for (record, signature) in signatures[6..].chunks_exact(key.len()).enumerate() {
                public.verify(&payload(record), signature).expect("AWS-LC verifies it");
            }
        }
    }
}

#[test]
fn a_key_signs_the_same_with_its_primes_either_way_round() {
    for size in SIZES {
        let key = Key::generate(size);
        let parts = OwnedParts::of(&key.rsa);
        for parts in [parts.swapped(), parts.swapped().swapped()] {
            let mut signatures = Vec::new();
            let turned = parts.key().expect("the kernel takes the key");
            sign(&turned, &encoded(LANES, key.len()), &mut signatures).expect("the kernel signs");
            assert!(signatures == by_aws_lc(&key, LANES), "{size:?}");
        }
    }
}

#[test]
fn the_portable_twin_gives_the_same_signatures() {
    let key = Key::generate(KeySize::Rsa2048);
    let mut signatures = Vec::new();
    sign_by::<Portable>(&key.kernel, &encoded(LANES + 1, key.len()), &mut || true, &mut signatures)
        .expect("the twin signs");
    assert!(signatures == by_aws_lc(&key, LANES + 1));
}

#[test]
fn random_messages_give_what_the_schoolbook_gives() {
    let mut numbers = Numbers(1);
    for (size, batches) in SIZES.into_iter().zip([8, 2, 1]) {
        let key = Key::generate(size);
        for _ in 0..batches {
            let messages: Vec<BigUint> = (0..LANES).map(|_| numbers.below(key.n())).collect();
            let bytes: Vec<u8> = messages.iter().flat_map(|message| key.bytes(message)).collect();
            let mut signatures = Vec::new();
            sign(&key.kernel, &bytes, &mut signatures).expect("the kernel signs");
            let expected: Vec<u8> = messages.iter().flat_map(|message| key.reference(message)).collect();
            assert!(signatures == expected, "{size:?}: {messages:?}");
        }
    }
}

/// Thousands of signatures, across many renewals of the blinding, verified by AWS-LC's public operation alone: it is
/// the kernel that shall be wrong, not the test slow.
#[test]
fn thousands_of_random_records_are_signed() {
    many(4_096);
}

#[test]
#[ignore = "takes some minutes"]
fn a_million_random_records_are_signed() {
    many(1 << 20);
}

fn many(records: usize) {
    const BATCH: usize = 1_024;
    let mut numbers = Numbers(2);
    for _ in 0..records / BATCH {
        let key = Key::generate(KeySize::Rsa2048);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.aws.public_key());
        let payloads: Vec<[u8; 32]> = (0..BATCH).map(|_| numbers.digest()).collect();
        let mut messages = Vec::new();
        for payload in &payloads {
            let digest = digest::digest(&digest::SHA256, payload);
            encode_pkcs1_sha256(digest.as_ref().try_into().expect("32 bytes"), key.len(), &mut messages);
        }
        let mut signatures = Vec::new();
        sign(&key.kernel, &messages, &mut signatures).expect("the kernel signs");
        assert_eq!(signatures.len(), BATCH * key.len());
        for (payload, signature) in payloads.iter().zip(signatures.chunks_exact(key.len())) {
            public.verify(payload, signature).expect("AWS-LC verifies it");
        }
    }
}

#[test]
fn threads_share_a_key() {
    let key = Key::generate(KeySize::Rsa2048);
    let expected = by_aws_lc(&key, 3 * LANES);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let mut signatures = Vec::new();
                    sign(&key.kernel, &encoded(3 * LANES, key.len()), &mut signatures)
                        .expect("the kernel signs");
                    assert!(signatures == expected);
                }
            });
        }
    });
}
