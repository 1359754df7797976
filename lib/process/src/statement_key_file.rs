//! The file that holds the key of statements.

use std::io;
use std::path::{Path, PathBuf};

use chancery_statement::{KeyError, StatementKey};
use zeroize::Zeroizing;

use crate::private_file;

/// More than a key has as PEM, with some lines before it.
const MOST_BYTES: usize = 4_096;

/// Why a statement key file cannot be used. No message holds a byte of its content.
#[derive(Debug, thiserror::Error)]
pub enum StatementKeyFileError {
    /// The file is missing or may not be read.
    #[error(
        "the statement key {path} cannot be read: {reason}; name one with --statement-key, or make one with `openssl genpkey -algorithm ed25519`"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The file cannot be written.
    #[error("the statement key {path} cannot be made: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The content is no key.
    #[error("the statement key {path} cannot be used: {reason}")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        reason: KeyError,
    },
}

/// Reads a statement key file, and warns of one that others may read.
///
/// # Errors
///
/// [`StatementKeyFileError`].
pub fn read_statement_key_file(path: &Path) -> Result<StatementKey, StatementKeyFileError> {
    let unreadable = |reason| StatementKeyFileError::Unreadable { path: path.to_owned(), reason };
    // A buffer that grows would leave copies behind.
    let mut content = Zeroizing::new([0; MOST_BYTES]);
    let (read, _) = private_file::read_into(path, content.as_mut_slice()).map_err(unreadable)?;
    private_file::warn_if_exposed("statement key", path);
    let text = std::str::from_utf8(&content[..read])
        .map_err(|reason| unreadable(io::Error::new(io::ErrorKind::InvalidData, reason)))?;
    StatementKey::from_pem(text)
        .map_err(|reason| StatementKeyFileError::NotAKey { path: path.to_owned(), reason })
}

/// Makes a fresh statement key file that only its owner may read. An existing file is never touched: then this
/// fails with [`io::ErrorKind::AlreadyExists`].
///
/// # Errors
///
/// [`StatementKeyFileError`].
pub fn create_statement_key_file(path: &Path) -> Result<StatementKey, StatementKeyFileError> {
    let (key, pem) = StatementKey::generate()
        .map_err(|reason| StatementKeyFileError::NotAKey { path: path.to_owned(), reason })?;
    private_file::create(path, &[pem.as_bytes()])
        .map_err(|reason| StatementKeyFileError::Unwritable { path: path.to_owned(), reason })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_fresh_statement_key_reads_back_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("statement.key");
        let made = create_statement_key_file(&path).expect("a key");
        let read = read_statement_key_file(&path).expect("it reads back");
        assert_eq!(made.public().id(), read.public().id());
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_existing_statement_key_is_never_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("statement.key");
        let first = create_statement_key_file(&path).expect("a key");
        create_statement_key_file(&path).expect_err("the second is refused");
        let read = read_statement_key_file(&path).expect("still there");
        assert_eq!(first.public().id(), read.public().id());
    }

    #[test]
    fn a_missing_file_and_one_without_a_key_are_refused_by_name_and_not_repeated() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let missing = dir.path().join("missing");
        let error = read_statement_key_file(&missing).expect_err("missing").to_string();
        assert!(error.contains("missing") && error.contains("--statement-key"), "{error}");
        let other = dir.path().join("other");
        fs::write(&other, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
            .expect("written");
        let error = read_statement_key_file(&other).expect_err("no key").to_string();
        assert!(error.contains("other") && !error.contains("c2VjcmV0"), "{error}");
    }
}
