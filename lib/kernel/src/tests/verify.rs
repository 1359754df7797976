//! True signatures verify and nothing else does, whatever the public operation is computed with.

use aws_lc_rs::rsa::KeySize;
use rsa::BigUint;
use rsa::traits::PrivateKeyParts as _;

use super::keys::{Key, SIZES};
use super::signatures::{by_aws_lc, encoded};
use crate::lanes::Portable;
use crate::{KeyError, LANES, PublicKey};

/// The verdicts of all that can compute them, which have to be the same.
fn verdicts(key: &PublicKey, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
    let verdicts = key.verify(messages, signatures);
    assert_eq!(key.verify_each(messages, signatures), verdicts, "one by one");
    verdicts
}

#[test]
fn what_aws_lc_signed_verifies_however_many_there_are() {
    for size in SIZES {
        let key = Key::generate(size);
        let public = key.public();
        let (messages, signatures) = (encoded(2 * LANES + 1, key.len()), by_aws_lc(&key, 2 * LANES + 1));
        for count in 0..=2 * LANES + 1 {
            let [messages, signatures] = [&messages, &signatures].map(|all| &all[..count * key.len()]);
            assert_eq!(verdicts(&public, messages, signatures), vec![true; count], "{size:?}");
        }
    }
}

#[test]
fn the_lanes_of_the_portable_twin_have_the_same_verdicts() {
    let key = Key::generate(KeySize::Rsa2048);
    let (messages, mut signatures) = (encoded(LANES, key.len()), by_aws_lc(&key, LANES));
    signatures[3 * key.len() + 100] ^= 1;
    let expected: Vec<bool> = (0..LANES).map(|lane| lane != 3).collect();
    assert_eq!(key.public().verify_by::<Portable>(&messages, &signatures), expected);
}

#[test]
fn a_bit_that_is_flipped_fails_in_its_lane_and_in_no_other() {
    let key = Key::generate(KeySize::Rsa2048);
    let public = key.public();
    let (messages, signatures) = (encoded(LANES, key.len()), by_aws_lc(&key, LANES));
    for bit in (0..LANES * key.len() * 8).step_by(61) {
        let altered = |bytes: &[u8]| {
            let mut altered = bytes.to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            altered
        };
        let expected: Vec<bool> = (0..LANES).map(|lane| lane != bit / 8 / key.len()).collect();
        assert_eq!(public.verify(&messages, &altered(&signatures)), expected, "bit {bit} of a signature");
        assert_eq!(public.verify(&altered(&messages), &signatures), expected, "bit {bit} of a message");
    }
}

#[test]
fn a_signature_that_is_not_below_the_modulus_is_none() {
    for size in SIZES {
        let key = Key::generate(size);
        let public = key.public();
        // Small messages have signatures of any size; some of them stay in the key's length with n added.
        let one = BigUint::from(1_u32);
        let message = key.bytes(&one);
        for (signature, is_true) in [
            (one.clone(), true),
            (key.n() + &one, false),
            (key.n() - &one, false),
            (key.n().clone(), false),
            (BigUint::from(0_u32), false),
            ((&one << (key.len() * 8)) - &one, false),
        ] {
            let (messages, signatures) = (message.repeat(3), key.bytes(&signature).repeat(3));
            assert_eq!(verdicts(&public, &messages, &signatures), [is_true; 3], "{size:?}: {signature}");
        }
        let zeros = vec![0; 3 * key.len()];
        assert_eq!(verdicts(&public, &zeros, &zeros), [true; 3], "zero to any power is zero");
        let modulus = key.bytes(key.n()).repeat(3);
        assert_eq!(verdicts(&public, &zeros, &modulus), [false; 3], "the modulus is no number");
    }
}

#[test]
fn numbers_at_the_ends_of_their_ranges_verify() {
    for size in SIZES {
        let key = Key::generate(size);
        let (n, one) = (key.n().clone(), BigUint::from(1_u32));
        let [p, q] = key.rsa.primes() else { unreachable!("RSA has two primes") };
        let signatures = [&n - &one, p.clone(), q.clone(), &n - p, p + &one, &n >> 1, BigUint::from(2_u32)];
        let messages: Vec<u8> = signatures
            .iter()
            .flat_map(|signature| key.bytes(&signature.modpow(&BigUint::from(65_537_u32), &n)))
            .collect();
        let bytes: Vec<u8> = signatures.iter().flat_map(|signature| key.bytes(signature)).collect();
        assert_eq!(verdicts(&key.public(), &messages, &bytes), [true; 7], "{size:?}");
    }
}

#[test]
fn what_is_beyond_the_shorter_of_messages_and_signatures_is_left_out() {
    let key = Key::generate(KeySize::Rsa2048);
    let (messages, signatures) = (encoded(5, key.len()), by_aws_lc(&key, 4));
    assert_eq!(verdicts(&key.public(), &messages, &signatures), [true; 4]);
    assert_eq!(key.public().verify(&messages, &signatures[1..]).len(), 3);
}

#[test]
fn public_keys_that_the_kernel_is_not_made_for_are_refused() {
    let n = Key::generate(KeySize::Rsa2048).rsa.primes().iter().product::<BigUint>().to_bytes_be();
    let refused = |n: &[u8], e: &[u8]| PublicKey::new(n, e).err();
    assert_eq!(refused(&n, &[1, 0, 1]), None);
    assert_eq!(refused(&[&[0], &n[..]].concat(), &[0, 1, 0, 1]), None, "zeros may lead");
    assert_eq!(refused(&n, &[3]), Some(KeyError::PublicExponent));
    assert_eq!(refused(&n[..255], &[1, 0, 1]), Some(KeyError::Size));
    assert_eq!(refused(&[], &[1, 0, 1]), Some(KeyError::Size));
    let mut even = n.clone();
    even[255] ^= 1;
    assert_eq!(refused(&even, &[1, 0, 1]), Some(KeyError::Even));
}
