//! A key that is taken away in the middle of a batch.

use aws_lc_rs::rsa::KeySize;

use super::keys::Key;
use super::signatures::{by_aws_lc, encoded, sign_while};
use crate::LANES;

#[test]
fn a_batch_is_asked_for_before_each_eight_and_not_after_the_last() {
    let key = Key::generate(KeySize::Rsa2048);
    for (records, eights) in [(0, 0), (1, 1), (LANES, 1), (LANES + 1, 2), (3 * LANES, 3)] {
        let mut asked = 0;
        let mut signatures = Vec::new();
        let mut ask = || {
            asked += 1;
            true
        };
        let signed = sign_while(&key.kernel, &encoded(records, key.len()), &mut ask, &mut signatures);
        assert_eq!((signed, asked), (Ok(records), eights));
        assert_eq!(signatures.len(), records * key.len());
    }
}

#[test]
fn a_batch_stops_at_the_eight_for_which_the_key_is_no_longer_ours_and_the_key_signs_on_later() {
    let key = Key::generate(KeySize::Rsa2048);
    let records = 2 * LANES + 3;
    let expected = by_aws_lc(&key, records);
    for granted in 0..3 {
        let mut asked = 0;
        let mut signatures = b"before".to_vec();
        let mut ask = || {
            asked += 1;
            asked <= granted
        };
        let signed = sign_while(&key.kernel, &encoded(records, key.len()), &mut ask, &mut signatures);
        assert_eq!((signed, asked), (Ok(granted * LANES), granted + 1));
        assert!(signatures[6..] == expected[..granted * LANES * key.len()], "{granted} eights are signed");
        assert_eq!(signatures[..6], *b"before");
    }
    let mut signatures = Vec::new();
    let signed = sign_while(&key.kernel, &encoded(records, key.len()), &mut || true, &mut signatures);
    assert_eq!(signed, Ok(records));
    assert!(signatures == expected, "its blinding outlives what was broken off");
}
