//! A key that is taken away in the middle of a batch.

use super::super::keys::Numbers;
use super::{key, messages, sign, sign_while, slices};
use crate::LANES;

#[test]
fn a_batch_is_asked_for_before_each_eight_and_not_after_the_last() {
    let mut numbers = Numbers(13);
    let key = key(&numbers.digest());
    for (count, eights) in [(0, 0), (1, 1), (LANES, 1), (LANES + 1, 2), (8 * LANES, 8), (9 * LANES + 1, 10)] {
        let messages = messages(count, &mut numbers);
        let mut asked = 0;
        let mut signatures = Vec::new();
        let mut ask = || {
            asked += 1;
            true
        };
        let signed = sign_while(&key, &slices(&messages), &mut ask, &mut signatures);
        assert_eq!((signed, asked), (Ok(count), eights));
    }
}

#[test]
fn a_batch_stops_at_the_eight_for_which_the_key_is_no_longer_ours() {
    let mut numbers = Numbers(14);
    let key = key(&numbers.digest());
    let messages = messages(10 * LANES + 3, &mut numbers);
    let messages = slices(&messages);
    let expected = sign(&key, &messages).expect("the kernel signs");
    for granted in 0..=10 {
        let mut asked = 0;
        let mut signatures = b"before".to_vec();
        let mut ask = || {
            asked += 1;
            asked <= granted
        };
        let signed = sign_while(&key, &messages, &mut ask, &mut signatures);
        assert_eq!((signed, asked), (Ok(granted * LANES), granted + 1));
        assert_eq!(signatures[..6], *b"before");
        assert!(signatures[6..] == expected[..granted * LANES * 64], "{granted} eights are signed");
    }
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(format!("{:?}", key(&[7; 32])), "Ed25519Key { .. }");
}
