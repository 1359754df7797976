//! Encoded messages.

/// What stands before the digest: the DER of a `DigestInfo` for SHA-256
/// ([RFC 8017, section 9.2](https://www.rfc-editor.org/rfc/rfc8017#section-9.2), note 1).
const DIGEST_INFO: [u8; 19] =
    *b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// Appends EMSA-PKCS1-v1_5 of a SHA-256 digest, `len` bytes
/// ([RFC 8017, section 9.2](https://www.rfc-editor.org/rfc/rfc8017#section-9.2)).
pub fn encode_pkcs1_sha256(digest: &[u8; 32], len: usize, to: &mut Vec<u8>) {
    let padding = len.saturating_sub(3 + DIGEST_INFO.len() + digest.len());
    to.extend_from_slice(&[0, 1]);
    to.resize(to.len() + padding, 0xff);
    to.push(0);
    to.extend_from_slice(&DIGEST_INFO);
    to.extend_from_slice(digest);
}
