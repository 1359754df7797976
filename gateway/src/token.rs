//! The token by which whoever may use the API is known, on one machine.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_process::create_private_file;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A shorter token could be guessed.
const LEAST: usize = 32;

/// A token. Only its hash is kept.
#[derive(Clone)]
pub struct Token {
    hash: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why the file of a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or made.
    #[error("the file of the token {path} cannot be used: {reason}; name another with --token-file")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It holds too little.
    #[error(
        "the file of the token {path} holds no token: at least {LEAST} characters without spaces are wanted; remove it, and it is made anew"
    )]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self { hash: Sha256::digest(text).into() }
    }

    /// Reads the token from a file, or makes one, of mode 600, if there is none. A file that is there is never changed.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn read_or_create(path: &Path) -> Result<Self, TokenError> {
        let failed = |reason| TokenError::File { path: path.to_owned(), reason };
        match create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => Self::read(path).map(|text| Self::of(&text)),
        }
    }

    /// The text of a token in a file, for whoever uses the API.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<String, TokenError> {
        let text =
            fs::read_to_string(path).map_err(|reason| TokenError::File { path: path.to_owned(), reason })?;
        let token = text.trim();
        if token.len() < LEAST || token.contains(char::is_whitespace) {
            return Err(TokenError::NoToken { path: path.to_owned() });
        }
        Ok(token.to_owned())
    }

    /// Whether the value of a header `Authorization` shows this token. It takes as long whichever bytes are wrong.
    #[must_use]
    pub fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, shown)) = authorization.split_at_checked("Bearer ".len()) else { return false };
        let shown: [u8; 32] = Sha256::digest(shown.trim_ascii()).into();
        // Of hashes, nobody can choose the first bytes: what a comparison takes tells nothing of the token.
        scheme.eq_ignore_ascii_case(b"Bearer ") && shown == self.hash
    }
}

/// 366 bits of the generator of the system.
fn create(path: &Path) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(48);
    for _ in 0..3 {
        bytes.extend_from_slice(Uuid::new_v4().as_bytes());
    }
    let token = URL_SAFE_NO_PAD.encode(bytes);
    create_private_file(path, &[token.as_bytes(), b"\n"])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_token_itself_is_the_token() {
        let token = Token::of("a-token-that-is-long-enough-to-be-one");
        assert!(token.is_shown_by(b"Bearer a-token-that-is-long-enough-to-be-one"));
        assert!(token.is_shown_by(b"bearer  a-token-that-is-long-enough-to-be-one "));
        for wrong in [
            &b""[..],
            b"Bearer ",
            b"Basic a-token-that-is-long-enough-to-be-one",
            b"a-token-that-is-long-enough-to-be-one",
            b"Bearer a-token-that-is-long-enough-to-be-on",
            b"Bearer A-token-that-is-long-enough-to-be-one",
        ] {
            assert!(!token.is_shown_by(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_only_and_read_from_then_on() {
        let folder = std::env::temp_dir().join(format!("chancery-token-{}", Uuid::new_v4()));
        fs::create_dir(&folder).expect("a folder");
        let path = folder.join("token");
        let made = Token::read_or_create(&path).expect("a token");
        let text = Token::read(&path).expect("its text");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(made.is_shown_by(format!("Bearer {text}").as_bytes()) && text.len() == 64);
        let again = Token::read_or_create(&path).expect("the same");
        assert!(again.is_shown_by(format!("Bearer {text}").as_bytes()));
        fs::write(&path, "short\n").expect("written");
        assert!(matches!(Token::read_or_create(&path), Err(TokenError::NoToken { .. })));
        fs::remove_dir_all(&folder).expect("removed");
    }
}
