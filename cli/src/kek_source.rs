//! Where the KEK comes from: a file that the user names, or one of our own in the data folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use chancery_keyring::{Kek, Keks};
use chancery_process::{KekFileError, create_kek_file, read_kek_file, warn_if_exposed};

use crate::error::CliError;

/// Where the KEKs come from. One that is given must be there; the default one is made when the ledger has no use for an
/// older one.
pub(crate) struct KekSource {
    current: Current,
    former: Vec<Kek>,
}

enum Current {
    Given { kek: Kek, path: PathBuf },
    ToBeMade { path: PathBuf },
}

/// The KEKs, and the file of the current one.
pub(crate) struct FoundKeks {
    pub(crate) keks: Keks,
    pub(crate) path: PathBuf,
}

impl KekSource {
    pub(crate) fn find(given: Option<&Path>, former: &[PathBuf], data_dir: &Path) -> Result<Self, CliError> {
        let default = data_dir.join("kek");
        let path = given.unwrap_or(&default);
        let current = match read_kek_file(path) {
            Ok(kek) => {
                warn_if_exposed(path);
                Current::Given { kek, path: path.to_owned() }
            }
            Err(KekFileError::Unreadable { reason, .. })
                if given.is_none() && reason.kind() == io::ErrorKind::NotFound =>
            {
                Current::ToBeMade { path: default }
            }
            Err(error) => return Err(error.into()),
        };
        let former = former.iter().map(|path| {
            let kek = read_kek_file(path)?;
            warn_if_exposed(path);
            Ok(kek)
        });
        Ok(Self { current, former: former.collect::<Result<_, CliError>>()? })
    }

    /// Those for a run, or keyring, that is there already: a fresh one could not open its keys.
    pub(crate) fn get_existing(self) -> Result<FoundKeks, CliError> {
        let (kek, path) = match self.current {
            Current::Given { kek, path } => (kek, path),
            Current::ToBeMade { path } => (read_kek_file(&path)?, path),
        };
        Ok(FoundKeks { keks: Keks::new(kek, self.former), path })
    }

    pub(crate) fn get(self) -> Result<FoundKeks, CliError> {
        let (kek, path) = match self.current {
            Current::Given { kek, path } => (kek, path),
            Current::ToBeMade { path } => (make(&path)?, path),
        };
        Ok(FoundKeks { keks: Keks::new(kek, self.former), path })
    }
}

fn make(path: &Path) -> Result<Kek, CliError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|reason| CliError::DataDir { path: folder.to_owned(), reason })?;
    }
    match create_kek_file(path) {
        Ok(kek) => {
            tracing::info!("made the KEK file {}; without it the keys are lost", path.display());
            Ok(kek)
        }
        // Another run of the same folder was first, this very moment.
        Err(KekFileError::Unwritable { reason, .. }) if reason.kind() == io::ErrorKind::AlreadyExists => {
            Ok(read_kek_file(path)?)
        }
        Err(error) => Err(error.into()),
    }
}
