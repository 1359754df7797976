//! The files with keys that the operator is given.

use std::path::PathBuf;

use chancery_keyring::Keks;
use chancery_process::{KekFileError, read_kek_files};

/// Files with keys. They are read whenever they are used.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The KEK.
    pub kek: PathBuf,
    /// KEKs that it takes the place of, as long as anything is wrapped with them.
    pub former_keks: Vec<PathBuf>,
    /// The key of statements; without one, none are made.
    pub statement_key: Option<PathBuf>,
}

impl KeyFiles {
    /// Reads the KEKs.
    ///
    /// # Errors
    ///
    /// [`KekFileError`]: of each of their files.
    pub(crate) fn read_keks(&self) -> Result<Keks, KekFileError> {
        read_kek_files(&self.kek, &self.former_keks)
    }
}
