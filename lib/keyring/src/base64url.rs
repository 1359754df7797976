//! Base64 with the alphabet of URLs and without padding (RFC 4648, section 5), as JOSE has it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Appends the text of some bytes.
pub(crate) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    let before = out.len();
    // Four characters for three bytes; one byte that is left over takes two, and two take three.
    let length = bytes.len() / 3 * 4 + [0, 2, 3][bytes.len() % 3];
    out.resize(before + length, 0);
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut out[before..]);
    debug_assert_eq!(written.ok(), Some(length), "there is room for all of it");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_the_text() {
        for length in 0..100 {
            let bytes = vec![0xfb; length];
            let mut out = b"before.".to_vec();
            append(&bytes, &mut out);
            assert_eq!(out, format!("before.{}", text(&bytes)).into_bytes(), "{length} bytes");
        }
    }
}
