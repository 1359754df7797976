//! Public keys as people and other programs pass them on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes whose base64 fills a line of 64 characters.
const BYTES_PER_LINE: usize = 48;

/// The PEM form of a DER `SubjectPublicKeyInfo`
/// ([RFC 7468, section 13](https://www.rfc-editor.org/rfc/rfc7468#section-13)): the label
/// `PUBLIC KEY`, lines of 64 characters, LF at the end of each, the last one included.
///
/// It does not look into the DER.
#[must_use]
pub fn public_key_pem(spki_der: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for line in spki_der.chunks(BYTES_PER_LINE) {
        STANDARD.encode_string(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_in_pem_is_that_of_rfc_8410() {
        // RFC 8410, section 10.1.
        let der = STANDARD.decode("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap();
        assert_eq!(
            public_key_pem(&der),
            "-----BEGIN PUBLIC KEY-----\n\
             MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
             -----END PUBLIC KEY-----\n"
        );
    }

    #[test]
    fn lines_hold_64_characters_and_padding_stands_only_at_the_end() {
        for length in [0, 47, 48, 49, 96, 294] {
            let pem = public_key_pem(&vec![0xff; length]);
            let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
            if let Some((last, full)) = body.split_last() {
                assert!(full.iter().all(|line| line.len() == 64), "{pem}");
                assert!(!last.is_empty() && last.len() <= 64, "{pem}");
            }
            assert_eq!(STANDARD.decode(body.concat()).unwrap(), vec![0xff; length]);
            assert!(!pem.contains('\r'));
        }
    }
}
