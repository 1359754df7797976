//! The key-encryption key: what the data keys of keyrings are wrapped with at rest.

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::{NoSecret, Secret};

const FINGERPRINT_LABEL: &[u8] = b"chancery kek fingerprint v1";

/// A key-encryption key: 32 secret bytes, overwritten when dropped.
///
/// It has no `Clone` and its `Debug` shows nothing. Wrapping picks a nonce of 96 bits at
/// random, so one KEK may wrap up to 2^32 data keys
/// ([NIST SP 800-38D, section 8.3](https://doi.org/10.6028/NIST.SP.800-38D)).
pub struct Kek(Secret);

impl Kek {
    /// A fresh KEK from the system's random source.
    ///
    /// # Panics
    ///
    /// When the system has no random bytes to give, in which case no key can be made either.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// A KEK of these bytes. The caller's copy, if it keeps one, is the caller's to
    /// overwrite.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// Reads the content of a KEK file, which is either exactly 32 raw bytes, or those in
    /// standard base64 (44 characters, with padding), which may end in one newline (LF or
    /// CRLF).
    ///
    /// # Errors
    ///
    /// [`KekError`] says what was given and what is wanted, without any of the content.
    pub fn parse(content: &[u8]) -> Result<Self, KekError> {
        Secret::parse(content).map(Self).map_err(|why| match why {
            NoSecret::Length { given } => KekError::Length { given },
            NoSecret::Base64 => KekError::Base64,
        })
    }

    /// The KEK in standard base64: 44 characters, as [`Kek::parse`] reads them.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    /// 16 lower-case hex digits that tell KEKs apart and reveal nothing of them: the first
    /// 8 bytes of HMAC-SHA-256 ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)) of a
    /// fixed label under the KEK. A ledger stores it beside each data key that this KEK wrapped.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(FINGERPRINT_LABEL)
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kek(..)")
    }
}

/// Why the content of a file is no KEK. It never quotes the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KekError {
    /// Neither the length of the raw form nor that of the base64 form.
    #[error(
        "a KEK is exactly 32 raw bytes, or 44 characters of standard base64 (a newline may \
         follow): {given} bytes were given"
    )]
    Length {
        /// The length of the content in bytes, a trailing newline included.
        given: usize,
    },
    /// 44 characters, but not the standard base64 of 32 bytes.
    #[error(
        "a KEK is exactly 32 raw bytes, or 44 characters of standard base64 (a newline may \
         follow): 44 characters were given that are not the base64 of 32 bytes"
    )]
    Base64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 32] = *b"\x00\x01\x02\x03\xfb\xff\xbf456789abcdefghijklmnopqrs";
    const TEXT: &str = "AAECA/v/vzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnM=";

    fn parsed(content: impl AsRef<[u8]>) -> Vec<u8> {
        Kek::parse(content.as_ref()).unwrap().0.bytes().to_vec()
    }

    #[test]
    fn a_kek_file_of_32_raw_bytes_is_taken_as_it_is() {
        assert_eq!(parsed(BYTES), BYTES);
    }

    #[test]
    fn raw_bytes_that_end_in_a_newline_keep_it() {
        let mut bytes = BYTES;
        bytes[31] = b'\n';
        assert_eq!(parsed(bytes), bytes);
    }

    #[test]
    fn a_kek_file_in_base64_may_end_in_one_newline() {
        let text = Kek::from_bytes(BYTES).to_base64();
        assert_eq!(*text, TEXT);
        assert_eq!(parsed(text.as_bytes()), BYTES);
        assert_eq!(parsed(format!("{}\n", *text)), BYTES);
        assert_eq!(parsed(format!("{}\r\n", *text)), BYTES);
    }

    #[test]
    fn a_kek_file_of_another_length_is_refused_with_its_length() {
        for length in (0..100).filter(|length| ![32, 44].contains(length)) {
            let error = Kek::parse(&vec![b'A'; length]).unwrap_err();
            assert_eq!(error, KekError::Length { given: length });
            let message = error.to_string();
            assert!(message.contains(&format!("{length} bytes")), "{message}");
            assert!(message.contains("32 raw bytes"), "{message}");
        }
    }

    #[test]
    fn two_newlines_or_a_leading_one_are_refused() {
        let text = Kek::from_bytes(BYTES).to_base64();
        for content in [format!("{}\n\n", *text), format!("\n{}", *text)] {
            let given = content.len();
            assert_eq!(Kek::parse(content.as_bytes()).unwrap_err(), KekError::Length { given });
        }
    }

    #[test]
    fn forty_four_characters_that_are_not_the_base64_of_32_bytes_are_refused_unquoted() {
        let url_safe = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_A=";
        let no_padding = "A".repeat(44);
        let two_padding = format!("{}==", "A".repeat(42));
        let not_canonical = format!("{}B=", "A".repeat(42));
        let spaces = " ".repeat(44);
        let not_text = "\u{e9}".repeat(22);
        for content in [url_safe, &no_padding, &two_padding, &not_canonical, &spaces, &not_text] {
            assert_eq!(content.len(), 44);
            let error = Kek::parse(content.as_bytes()).unwrap_err();
            assert_eq!(error, KekError::Base64, "{content}");
            assert!(!format!("{error} {error:?}").contains(content));
        }
    }

    #[test]
    fn fresh_keks_differ() {
        let (one, other) = (Kek::generate(), Kek::generate());
        assert_ne!(one.0.bytes(), other.0.bytes());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn a_fingerprint_is_what_another_program_computes_from_the_same_kek() {
        // Python: hmac.new(kek, b"chancery kek fingerprint v1", sha256).hexdigest()[:16]
        assert_eq!(Kek::from_bytes(BYTES).fingerprint(), "3be7ad55bf9af4c2");
    }

    #[test]
    fn debug_of_a_kek_shows_nothing() {
        assert_eq!(format!("{:?}", Kek::from_bytes(BYTES)), "Kek(..)");
        assert_eq!(format!("{:#?}", Kek::from_bytes(BYTES)), "Kek(..)");
    }
}
