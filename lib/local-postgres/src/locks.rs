//! Who may start or stop the server, and who uses it.
//!
//! Both are `flock(2)` locks on files beside the data directory. They belong to an open
//! file, so they vanish with a process however it ends, and two users within one process
//! count as two.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, io_error};

/// Opens a lock file; only its owner may, since a lock held by a stranger would block us.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(io_error("open the lock file", path))
}

/// The exclusive right to start, stop or sweep, held briefly; waits for whoever has it.
#[derive(Debug)]
pub(crate) struct Turn(File);

impl Turn {
    pub(crate) fn take(path: &Path) -> Result<Turn, Error> {
        let file = open(path)?;
        uninterrupted(|| file.lock()).map_err(io_error("lock", path))?;
        Ok(Turn(file))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Unlocked by name, not by closing: a child being forked at this moment has a copy
        // of the open file and would hold the lock until it executes its program.
        let _ = self.0.unlock();
    }
}

/// One user's share in the server. Take and leave it only while holding the [`Turn`].
#[derive(Debug)]
pub(crate) struct Share {
    file: File,
    path: PathBuf,
}

impl Share {
    pub(crate) fn take(path: &Path) -> Result<Share, Error> {
        let file = open(path)?;
        uninterrupted(|| file.lock_shared()).map_err(io_error("lock", path))?;
        Ok(Share { file, path: path.to_path_buf() })
    }

    /// Gives the share back and says whether it was the last.
    pub(crate) fn leave(self, _turn: &Turn) -> Result<bool, Error> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &self.path)(source)),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // As for a turn: otherwise the next to leave could take us for a user.
        let _ = self.file.unlock();
    }
}

fn uninterrupted(mut lock: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
