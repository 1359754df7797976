//! The file that holds the KEK.

use std::io;
use std::path::{Path, PathBuf};

use chancery_keyring::{Kek, KekError, Keks};
use zeroize::Zeroizing;

use crate::private_file;

/// More than a KEK has in any form, so that what is longer is told as such.
const MOST_BYTES: usize = 64;

/// Why a KEK file cannot be used. No message holds a byte of its content.
#[derive(Debug, thiserror::Error)]
pub enum KekFileError {
    /// The file is missing or may not be read.
    #[error(
        "the KEK file {path} cannot be read: {reason}; name one with --kek-file, or make one with `openssl rand -base64 32`"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The file cannot be written.
    #[error("the KEK file {path} cannot be made: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The content is not a KEK.
    #[error("the KEK file {path} holds no KEK: {reason}")]
    NotAKek {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        reason: KekError,
    },
}

/// Reads a KEK file. What is read of it is overwritten, and of a file that is no KEK no more is read than shows that.
///
/// # Errors
///
/// [`KekFileError`].
pub fn read_kek_file(path: &Path) -> Result<Kek, KekFileError> {
    // A buffer that grows would leave copies behind.
    let mut content = Zeroizing::new([0; MOST_BYTES]);
    let (read, size) = private_file::read_into(path, content.as_mut_slice())
        .map_err(|reason| KekFileError::Unreadable { path: path.to_owned(), reason })?;
    let not_a_kek = |reason| KekFileError::NotAKek { path: path.to_owned(), reason };
    if read == MOST_BYTES {
        return Err(not_a_kek(KekError::Length { given: size.max(read) }));
    }
    Kek::parse(&content[..read]).map_err(not_a_kek)
}

/// Reads the file of the KEK that wraps, and those of former ones, which are still needed to open what they wrapped.
///
/// # Errors
///
/// [`KekFileError`]: of each of them.
pub fn read_kek_files(current: &Path, former: &[PathBuf]) -> Result<Keks, KekFileError> {
    let current = read_kek_file(current)?;
    let former = former.iter().map(|path| read_kek_file(path)).collect::<Result<_, _>>()?;
    Ok(Keks::new(current, former))
}

/// Warns of a KEK file of one's own that others may read, or of anybody's that everybody may. It is used
/// all the same.
pub fn warn_if_exposed(path: &Path) {
    private_file::warn_if_exposed("KEK file", path);
}

/// Makes a fresh KEK file that only its owner may read. An existing file is never touched: then this
/// fails with [`io::ErrorKind::AlreadyExists`].
///
/// # Errors
///
/// [`KekFileError::Unwritable`].
pub fn create_kek_file(path: &Path) -> Result<Kek, KekFileError> {
    let kek = Kek::generate();
    private_file::create(path, &[kek.to_base64().as_bytes(), b"\n"])
        .map_err(|reason| KekFileError::Unwritable { path: path.to_owned(), reason })?;
    Ok(kek)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_fresh_kek_file_reads_back_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("kek");
        let made = create_kek_file(&path).expect("a KEK file");
        let read = read_kek_file(&path).expect("the KEK reads back");
        assert_eq!(made.fingerprint(), read.fingerprint());
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_existing_kek_file_is_never_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("kek");
        let first = create_kek_file(&path).expect("a KEK file");
        create_kek_file(&path).expect_err("the second is refused");
        assert_eq!(read_kek_file(&path).expect("still there").fingerprint(), first.fingerprint());
        assert_eq!(fs::read_dir(dir.path()).expect("a listing").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_missing_and_a_short_file_are_refused_by_name() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let missing = dir.path().join("missing");
        let error = read_kek_file(&missing).expect_err("missing").to_string();
        assert!(error.contains("missing") && error.contains("--kek-file"), "{error}");
        let short = dir.path().join("short");
        fs::write(&short, b"too short").expect("written");
        let error = read_kek_file(&short).expect_err("short").to_string();
        assert!(error.contains("short") && error.contains("32"), "{error}");
        assert!(!error.contains("too short"), "the content is not repeated: {error}");
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_with_its_length_and_one_without_end_is_not_read_to_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let long = dir.path().join("long");
        fs::write(&long, vec![b'A'; 1_000]).expect("written");
        let error = read_kek_file(&long).expect_err("long").to_string();
        assert!(error.contains("1000 bytes"), "{error}");
        let error = read_kek_file(Path::new("/dev/zero")).expect_err("no end");
        assert!(matches!(error, KekFileError::NotAKek { .. }), "{error}");
    }
}
