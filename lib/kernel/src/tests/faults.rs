//! What is wrong is held back.

use aws_lc_rs::rsa::KeySize;
use rsa::BigUint;

use super::keys::{Key, OwnedParts};
use super::signatures::sign;
use crate::fault::{self, Place};
use crate::{LANES, SignError};

#[test]
fn a_bit_that_flips_in_one_lane_holds_the_whole_batch_back() {
    let key = Key::generate(KeySize::Rsa2048);
    let messages: Vec<u8> = (0..2 * LANES).flat_map(|n| key.bytes(&BigUint::from(n + 7))).collect();
    for place in [Place::ByP, Place::ByQ, Place::Recombination, Place::Whole] {
        for lane in 0..LANES {
            for (digit, bit) in [(0, 0), (3, 51), (10, 20), (19, 30)] {
                let mut signatures = b"before".to_vec();
                fault::arm(place, lane, digit, bit);
                assert_eq!(sign(&key.kernel, &messages, &mut signatures), Err(SignError::Fault), "{place:?}");
                assert!(fault::has_struck(), "{place:?}");
                assert_eq!(signatures, b"before");
            }
        }
    }
    fault::arm(Place::Whole, 0, 38, 30);
    assert_eq!(sign(&key.kernel, &messages, &mut Vec::new()), Err(SignError::Fault));
    let mut signatures = Vec::new();
    sign(&key.kernel, &messages, &mut signatures).expect("without a fault the same key signs");
    assert_eq!(signatures.len(), messages.len());
}

#[test]
fn parts_that_do_not_belong_together_give_no_signature() {
    let key = Key::generate(KeySize::Rsa2048);
    let changes: [fn(&mut OwnedParts); 3] =
        [|parts| parts.dp[64] ^= 4, |parts| parts.dq[64] ^= 2, |parts| parts.qinv[64] ^= 1];
    for change in changes {
        let mut parts = OwnedParts::of(&key.rsa);
        change(&mut parts);
        let wrong = parts.key().expect("the kernel takes the key");
        let mut signatures = Vec::new();
        let message = key.bytes(&BigUint::from(5_u32));
        assert_eq!(sign(&wrong, &message, &mut signatures), Err(SignError::Fault));
        assert!(signatures.is_empty());
    }
}
