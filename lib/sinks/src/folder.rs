//! The folder of a sink of files, held while something is written there.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A folder by its handle. By its name, one that is taken away while something is written would be made anew, and what is written there
/// would be in the way of the one that comes back.
#[derive(Debug)]
pub(crate) struct HeldFolder {
    handle: File,
    name: PathBuf,
}

impl HeldFolder {
    /// # Errors
    ///
    /// There is no folder of this name, or none that may be read.
    pub(crate) fn hold(name: &Path) -> io::Result<Self> {
        let handle = File::open(name)?;
        if !handle.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { handle, name: name.to_owned() })
    }

    /// What leads there wherever the folder is, as long as this is held.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.handle.as_raw_fd()))
    }

    /// Whether the folder is still what its name leads to.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        let held = self.handle.metadata()?;
        match fs::metadata(&self.name) {
            Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_reached_wherever_it_is_and_known_by_its_name() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (name, elsewhere) = (folder.path().join("mounted"), folder.path().join("elsewhere"));
        fs::create_dir(&name)?;
        let held = HeldFolder::hold(&name)?;
        assert!(held.is_in_place()?);

        fs::rename(&name, &elsewhere)?;
        fs::write(held.path().join("file"), "content")?;
        assert_eq!(fs::read(elsewhere.join("file"))?, b"content");
        assert!(!held.is_in_place()?, "nothing has its name");
        fs::create_dir(&name)?;
        assert!(!held.is_in_place()?, "another has its name");
        fs::remove_dir(&name)?;
        fs::rename(&elsewhere, &name)?;
        assert!(held.is_in_place()?);
        Ok(())
    }

    #[test]
    fn what_is_no_folder_is_not_held() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        let said = |name: &Path| HeldFolder::hold(name).map(drop).map_err(|error| error.kind());
        assert_eq!(said(&file), Err(io::ErrorKind::NotFound));
        fs::write(&file, "")?;
        assert_eq!(said(&file), Err(io::ErrorKind::NotADirectory));
        Ok(())
    }
}
