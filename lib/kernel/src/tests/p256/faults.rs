//! What is wrong is held back.

use super::super::keys::Numbers;
use super::{key, messages, sign, sign_while};
use crate::fault::{self, Place};
use crate::lanes::Portable;
use crate::p256::base;
use crate::p256::sign::sign_by_table;
use crate::{LANES, SignError};

#[test]
fn a_bit_that_flips_in_one_lane_holds_the_whole_call_back() {
    let mut numbers = Numbers(21);
    let key = key(&numbers.digest());
    let (_, digests) = messages(2 * LANES, &mut numbers);
    for place in [
        Place::Nonce,
        Place::Point,
        Place::Challenge,
        Place::Response,
        Place::Remainder,
        Place::LeavingR,
        Place::LeavingS,
    ] {
        for lane in 0..LANES {
            for (digit, bit) in [(0, 0), (1, 51), (3, 20), (4, 40)] {
                let mut signatures = b"before".to_vec();
                fault::arm(place, lane, digit, bit);
                let signed = sign_while(&key, &digests, &mut || true, &mut signatures);
                assert_eq!(signed, Err(SignError::Fault), "{place:?}");
                assert!(fault::has_struck(), "{place:?}");
                assert_eq!(signatures, b"before");
            }
        }
    }
    assert!(sign(&key, &digests).is_ok(), "without a fault the same key signs");
}

#[test]
fn a_bit_that_flips_in_a_key_holds_the_whole_call_back() {
    let mut numbers = Numbers(22);
    let mut key = key(&numbers.digest());
    let (_, digests) = messages(1, &mut numbers);
    for digit in 0..5 {
        key.secret.d[digit] ^= 1 << 30;
        assert_eq!(sign(&key, &digests), Err(SignError::Fault));
        key.secret.d[digit] ^= 1 << 30;
        assert!(sign(&key, &digests).is_ok());
        key.secret.opposite[digit] ^= 1 << 20;
        assert_eq!(sign(&key, &digests), Err(SignError::Fault));
        key.secret.opposite[digit] ^= 1 << 20;
    }
}

#[test]
fn a_bit_that_flips_in_the_table_holds_the_whole_call_back() {
    let mut numbers = Numbers(23);
    let key = key(&numbers.digest());
    let (_, digests) = messages(1, &mut numbers);
    let mut table = base::compute::<Portable>();
    let sign = |table: &base::BaseTable| {
        let mut signatures = Vec::new();
        sign_by_table::<Portable>(&key, &digests, &mut || true, &mut signatures, table)
    };
    assert_eq!(sign(&table), Ok(1));
    table.flip(40, 1 << 50);
    assert_eq!(sign(&table), Err(SignError::Fault));
}

#[test]
fn what_is_no_private_key_has_no_public_key() {
    for d in [[0; 32], ORDER] {
        let key = key(&d);
        assert_eq!(key.secret.d, [0; 5]);
        // The neutral point has no x and y.
        assert_eq!(key.public_key(), [0; 64]);
    }
}

/// The order of the base point, in network order.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
