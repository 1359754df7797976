//! What is wrong is held back.

use super::super::keys::Numbers;
use super::{key, messages, sign, sign_while, slices};
use crate::fault::{self, Place};
use crate::{LANES, SignError};

#[test]
fn a_bit_that_flips_in_one_lane_holds_the_whole_call_back() {
    let mut numbers = Numbers(11);
    let key = key(&numbers.digest());
    let messages = messages(2 * LANES, &mut numbers);
    let messages = slices(&messages);
    for place in [Place::Nonce, Place::Point, Place::Challenge, Place::Response] {
        for lane in 0..LANES {
            for (digit, bit) in [(0, 0), (1, 50), (3, 20), (4, 40)] {
                let mut signatures = b"before".to_vec();
                fault::arm(place, lane, digit, bit);
                let signed = sign_while(&key, &messages, &mut || true, &mut signatures);
                assert_eq!(signed, Err(SignError::Fault), "{place:?}");
                assert!(fault::has_struck(), "{place:?}");
                assert_eq!(signatures, b"before");
            }
        }
    }
    assert!(sign(&key, &messages).is_ok(), "without a fault the same key signs");
}

#[test]
fn a_bit_that_flips_in_a_key_holds_the_whole_call_back() {
    let mut numbers = Numbers(12);
    let seed = numbers.digest();
    for digit in 0..4 {
        let mut key = key(&seed);
        key.secret.a[digit] ^= 1 << 30;
        assert_eq!(sign(&key, &[b"record"]), Err(SignError::Fault));
        key.secret.a[digit] ^= 1 << 30;
        assert!(sign(&key, &[b"record"]).is_ok());
        key.secret.opposite[digit] ^= 1 << 20;
        assert_eq!(sign(&key, &[b"record"]), Err(SignError::Fault));
    }
}
