//! PEM (RFC 7468), as OpenSSL writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Characters of base64 a line.
const LINE: usize = 64;

/// What stands in each block of this label, in order; none if a block is broken.
pub(crate) fn blocks(label: &str, text: &str) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&begin) {
        let (body, after) = after.split_once(&end)?;
        // Enough from the start: a String that grows leaves its old bytes behind.
        let mut digits = Zeroizing::new(String::with_capacity(body.len()));
        digits.extend(body.chars().filter(|letter| !letter.is_ascii_whitespace()));
        let mut der = Zeroizing::new(vec![0; digits.len() / 4 * 3]);
        let length = STANDARD.decode_slice(digits.as_bytes(), &mut der).ok()?;
        der.truncate(length);
        blocks.push(der);
        rest = after;
    }
    Some(blocks)
}

/// A private key's PEM.
pub(crate) fn private_key(der: &[u8]) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(String::with_capacity(der.len().div_ceil(3) * 4));
    STANDARD.encode_string(der, &mut digits);
    let mut pem = Zeroizing::new(String::with_capacity(digits.len() + digits.len() / LINE + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place.is_multiple_of(LINE) {
            pem.push('\n');
        }
        pem.push(digit);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    pem
}
