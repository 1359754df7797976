//! The file that holds the data key of a keyring.

use std::io;
use std::path::{Path, PathBuf};

use chancery_keyring::{DataKey, DataKeyError};
use nix::errno::Errno;
use zeroize::Zeroizing;

use crate::private_file;

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// More than a data key has in any form, so that what is longer is told as such.
const MOST_BYTES: usize = 64;

/// Why a data key file cannot be used. No message holds a byte of its content.
#[derive(Debug, thiserror::Error)]
pub enum DataKeyFileError {
    /// The file is missing or may not be read.
    #[error(
        "the data key file {path} cannot be read: {reason}; name the file with the data key of the run's keyring (--data-key-file), which the operator, or `chancery run`, gives to its signers"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The content is not a data key.
    #[error("the data key file {path} holds no data key: {reason}")]
    NotADataKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        reason: DataKeyError,
    },
}

/// Reads a data key file, and warns of one that others may read; `-` is the first line of standard input, of which nothing
/// behind that line is read. What is read is overwritten, and of a file that is no data key no more is read than shows that.
///
/// # Errors
///
/// [`DataKeyFileError`].
pub fn read_data_key_file(path: &Path) -> Result<DataKey, DataKeyFileError> {
    let unreadable = |reason| DataKeyFileError::Unreadable { path: path.to_owned(), reason };
    // A buffer that grows would leave copies behind.
    let mut content = Zeroizing::new([0; MOST_BYTES]);
    let (read, size) = if path == Path::new(STANDARD_INPUT) {
        let read = read_line(content.as_mut_slice()).map_err(unreadable)?;
        (read, read)
    } else {
        let read = private_file::read_into(path, content.as_mut_slice()).map_err(unreadable)?;
        private_file::warn_if_exposed("data key file", path);
        read
    };
    let no_data_key = |reason| DataKeyFileError::NotADataKey { path: path.to_owned(), reason };
    if read == MOST_BYTES {
        return Err(no_data_key(DataKeyError::Length { given: size.max(read) }));
    }
    DataKey::parse(&content[..read]).map_err(no_data_key)
}

/// One line of standard input, as far as there is room. Past the library's own reader, which would keep what it read.
fn read_line(content: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < content.len() {
        match nix::unistd::read(io::stdin(), &mut content[read..=read]) {
            Ok(0) => break,
            Ok(_) if content[read] == b'\n' => return Ok(read + 1),
            Ok(_) => read += 1,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_data_key_file_reads_back_whatever_its_form() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("data-key");
        let data_key = DataKey::from_bytes([7; 32]);
        for content in [vec![7; 32], format!("{}\n", *data_key.to_base64()).into_bytes()] {
            fs::write(&path, content).expect("written");
            let read = read_data_key_file(&path).expect("a data key");
            assert_eq!(read.fingerprint(), data_key.fingerprint());
        }
    }

    #[test]
    fn a_file_that_holds_none_is_refused_by_name_and_not_repeated() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let missing = folder.path().join("missing");
        let error = read_data_key_file(&missing).expect_err("missing").to_string();
        assert!(error.contains("missing") && error.contains("--data-key-file"), "{error}");
        let short = folder.path().join("short");
        fs::write(&short, b"hunter2").expect("written");
        let error = read_data_key_file(&short).expect_err("short").to_string();
        assert!(
            error.contains("short") && error.contains("7 bytes") && !error.contains("hunter2"),
            "{error}"
        );
        let long = folder.path().join("long");
        fs::write(&long, vec![b'A'; 1_000]).expect("written");
        let error = read_data_key_file(&long).expect_err("long").to_string();
        assert!(error.contains("1000 bytes"), "{error}");
        let error = read_data_key_file(Path::new("/dev/zero")).expect_err("no end");
        assert!(matches!(error, DataKeyFileError::NotADataKey { .. }), "{error}");
    }
}
