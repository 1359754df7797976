//! Base64 with the alphabet of URLs and without padding (RFC 4648, section 5), as JOSE has it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Appends the text of some bytes: of each payload that is signed and verified, so by a library that takes a quarter of the other's time.
pub(crate) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    base64_simd::URL_SAFE_NO_PAD.encode_append(bytes, out);
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_the_text() {
        let bytes: Vec<u8> = (0..600_u32).map(|n| (n * n / 3).to_le_bytes()[0]).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[length / 2..][..bytes.len() - length];
            let mut out = b"before.".to_vec();
            append(bytes, &mut out);
            assert_eq!(out, format!("before.{}", text(bytes)).into_bytes(), "{length} bytes less");
        }
    }
}
