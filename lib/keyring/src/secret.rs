//! 32 secret bytes: what a KEK and a data key have in common.

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

/// The key of AES-256.
pub(crate) const SECRET_BYTES: usize = 32;

/// In base64: 43 characters and one `=`.
const BASE64_CHARS: usize = 44;

/// 32 secret bytes, overwritten when dropped. Neither `Clone` nor `Debug`.
// The box keeps the bytes in one place: moving a Secret must not leave a copy behind that nothing overwrites.
pub(crate) struct Secret(Box<Zeroizing<[u8; SECRET_BYTES]>>);

impl Secret {
    /// Fresh ones from the system's random source. Panics when that has none to give.
    pub(crate) fn generate() -> Self {
        let mut secret = Self::zeroed();
        rand::fill(secret.0.as_mut_slice()).expect("the system's random source gives bytes");
        secret
    }

    /// These. The caller's copy, if it keeps one, is the caller's to overwrite.
    pub(crate) fn from_bytes(mut bytes: [u8; SECRET_BYTES]) -> Self {
        let mut secret = Self::zeroed();
        secret.0.copy_from_slice(&bytes);
        bytes.zeroize();
        secret
    }

    /// Those of a slice, if it has as many.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == SECRET_BYTES).then(|| {
            let mut secret = Self::zeroed();
            secret.0.copy_from_slice(bytes);
            secret
        })
    }

    /// Either exactly 32 raw bytes, or those in standard base64, which may end in one newline (LF or CRLF).
    pub(crate) fn parse(content: &[u8]) -> Result<Self, NoSecret> {
        if let Some(secret) = Self::from_slice(content) {
            return Ok(secret);
        }
        let text = content.strip_suffix(b"\n").unwrap_or(content);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() != BASE64_CHARS {
            return Err(NoSecret::Length { given: content.len() });
        }
        // One byte more than a secret, which is what 44 characters could hold. The decoder's own error would quote a
        // character of the secret.
        let mut decoded = Zeroizing::new([0; SECRET_BYTES + 1]);
        let mut secret = Self::zeroed();
        match STANDARD.decode_slice(text, decoded.as_mut_slice()) {
            Ok(SECRET_BYTES) => secret.0.copy_from_slice(&decoded[..SECRET_BYTES]),
            Ok(_) | Err(_) => return Err(NoSecret::Base64),
        }
        Ok(secret)
    }

    /// In standard base64: 44 characters, as [`Secret::parse`] reads them.
    pub(crate) fn to_base64(&self) -> Zeroizing<String> {
        // Enough from the start: a String that grows leaves its old bytes behind.
        let mut text = Zeroizing::new(String::with_capacity(BASE64_CHARS));
        STANDARD.encode_string(self.bytes(), &mut text);
        text
    }

    /// 16 lower-case hex digits that tell secrets apart and reveal nothing of them: the first 8 bytes of HMAC-SHA-256
    /// ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)) of a label under the secret.
    pub(crate) fn fingerprint(&self, label: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes());
        let tag = hmac::sign(&key, label);
        tag.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn zeroed() -> Self {
        Self(Box::new(Zeroizing::new([0; SECRET_BYTES])))
    }
}

/// Why some content is no secret.
pub(crate) enum NoSecret {
    /// Neither the length of the raw form nor that of the base64 form.
    Length { given: usize },
    /// 44 characters, but not the standard base64 of 32 bytes.
    Base64,
}
