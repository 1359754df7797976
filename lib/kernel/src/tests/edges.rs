//! Messages and keys at the ends of their ranges.

use aws_lc_rs::rsa::KeySize;
use rsa::BigUint;
use rsa::traits::PrivateKeyParts as _;

use super::keys::{Key, OwnedParts, SIZES};
use super::signatures::sign;
use crate::{KeyError, SignError};

#[test]
fn the_ends_of_the_range_and_multiples_of_the_primes_give_what_the_schoolbook_gives() {
    for size in SIZES {
        let key = Key::generate(size);
        let (n, one) = (key.n().clone(), BigUint::from(1_u32));
        let [p, q] = key.rsa.primes() else { unreachable!("RSA has two primes") };
        let messages = [
            BigUint::from(0_u32),
            one.clone(),
            &n - &one,
            BigUint::from(2_u32),
            p.clone(),
            q.clone(),
            &n - p,
            &n - q,
            p - &one,
            p + &one,
            q - &one,
            q + &one,
            p * 2_u32,
            q * 3_u32,
            p * (q - &one),
            q * (p - &one),
            &n >> 1,
            &one << (key.len() * 8 - 1),
            &one << (key.len() * 4),
            (&one << (key.len() * 4)) - &one,
        ];
        let bytes: Vec<u8> = messages.iter().flat_map(|message| key.bytes(message)).collect();
        let mut signatures = Vec::new();
        sign(&key.kernel, &bytes, &mut signatures).expect("the kernel signs");
        for (message, signature) in messages.iter().zip(signatures.chunks_exact(key.len())) {
            assert!(signature == key.reference(message), "{size:?}: {message}");
        }
    }
}

#[test]
fn a_message_that_is_the_modulus_or_more_is_refused() {
    let key = Key::generate(KeySize::Rsa2048);
    for message in [key.bytes(key.n()), key.bytes(&(key.n() + 1_u32)), vec![0xff; key.len()]] {
        let mut messages = key.bytes(&BigUint::from(5_u32));
        messages.extend(message);
        let mut signatures = Vec::new();
        assert_eq!(sign(&key.kernel, &messages, &mut signatures), Err(SignError::MessageRange));
        assert!(signatures.is_empty());
    }
}

#[test]
fn messages_of_another_length_are_refused() {
    let key = Key::generate(KeySize::Rsa2048);
    let mut signatures = Vec::new();
    for bytes in [1, 255, 257, 384] {
        assert_eq!(sign(&key.kernel, &vec![0; bytes], &mut signatures), Err(SignError::MessageLength));
    }
    assert!(signatures.is_empty());
}

#[test]
fn keys_that_the_kernel_is_not_made_for_are_refused() {
    let parts = OwnedParts::of(&Key::generate(KeySize::Rsa2048).rsa);
    let refused = |change: fn(&mut OwnedParts)| {
        let mut parts = parts.clone();
        change(&mut parts);
        parts.key().err()
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|parts| parts.e = vec![3]), Some(KeyError::PublicExponent));
    assert_eq!(refused(|parts| parts.n.truncate(255)), Some(KeyError::Size));
    assert_eq!(refused(|parts| parts.n.clear()), Some(KeyError::Size));
    assert_eq!(refused(|parts| parts.n[0] = 1), Some(KeyError::Size));
    assert_eq!(refused(|parts| parts.n[100] ^= 1), Some(KeyError::Product));
    assert_eq!(refused(|parts| parts.p[127] ^= 1), Some(KeyError::Even));
    assert_eq!(refused(|parts| parts.q[0] = 1), Some(KeyError::Prime));
    assert_eq!(refused(|parts| parts.dp.insert(0, 1)), Some(KeyError::Prime));
    assert_eq!(refused(|parts| parts.dq.insert(0, 0)), None, "zeros may lead");
}

#[test]
fn debug_shows_no_secret() {
    let key = Key::generate(KeySize::Rsa2048);
    assert_eq!(format!("{:?}", key.kernel), "PrivateKey { size: Rsa2048, .. }");
}
