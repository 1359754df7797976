//! A batch that is broken off.

use super::super::keys::Numbers;
use super::{are_right, key, messages, sign_while};
use crate::LANES;

#[test]
fn nothing_is_begun_once_the_key_is_no_longer_ours() {
    let mut numbers = Numbers(24);
    let key = key(&numbers.digest());
    let (messages, digests) = messages(20 * LANES + 3, &mut numbers);
    for eights in [0, 1, 7, 8, 9, 20, 21] {
        let mut asked = 0;
        let mut still_ours = || {
            asked += 1;
            asked <= eights
        };
        let mut signatures = Vec::new();
        let signed = sign_while(&key, &digests, &mut still_ours, &mut signatures);
        let expected = (eights * LANES).min(messages.len());
        assert_eq!(signed, Ok(expected));
        assert!(are_right(&key, &messages[..expected], &signatures));
    }
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(format!("{:?}", key(&[7; 32])), "P256Key { .. }");
}
