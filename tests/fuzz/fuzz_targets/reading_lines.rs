//! Lines: split by split, and from any position, they are what a person makes of the whole text.

#![no_main]

use chancery_fuzz::{Place, bytes};
use chancery_reading::Format;
use libfuzzer_sys::fuzz_target;

fn by_hand(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = lines.pop().expect("split yields one part at least");
    let ended = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    ended.chain([last]).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fuzz_target!(|data: &[u8]| {
    let [chunk, split, text @ ..] = data else { return };
    let place = Place::new("a.txt", text, usize::from(*chunk) + 1);
    let lines = place.check(&Format::Lines {}, u64::from(*split) + 1);
    assert_eq!(lines.iter().map(|line| bytes(line).to_vec()).collect::<Vec<_>>(), by_hand(text));
});
