//! The folder of a sink of files: a file is written there if nothing is under its name.
//!
//! The folder is held by a handle while a file is written, and what is done is done relative to it. By its name, a folder that is taken
//! away at that moment would be made anew, by whoever makes the folders that a file lacks, and would be in the way of the one that comes back.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

/// What is made is for everybody whom the process's mask leaves.
const FOR_FILES: Mode = Mode::from_bits_truncate(0o666);
const FOR_FOLDERS: Mode = Mode::from_bits_truncate(0o777);

/// A folder by its handle.
#[derive(Debug)]
pub(crate) struct HeldFolder {
    /// It leads there, and needs no right to read.
    handle: OwnedFd,
    name: PathBuf,
}

/// What is under a name after somebody has put a file there.
#[derive(Debug)]
pub(crate) enum Put {
    New,
    WasThere(File),
}

impl HeldFolder {
    /// # Errors
    ///
    /// There is no folder of this name, or none that may be entered.
    pub(crate) fn hold(name: &Path) -> io::Result<Self> {
        let handle = open(name, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { handle, name: name.to_owned() })
    }

    /// Whether the folder is still what its name leads to.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        let held = nix::sys::stat::fstat(&self.handle)?;
        match fs::metadata(&self.name) {
            Ok(named) => Ok((named.dev(), named.ino()) == (held.st_dev, held.st_ino)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a file whole, and makes the folders that it lacks below this one, if nothing is under its name. Once this returns, it is on the disk
    /// under its name, whoever has put it there. What is left of attempts that were broken off is removed; one that is not broken off fails by that.
    pub(crate) fn put(&self, name: &str, content: &[u8]) -> io::Result<Put> {
        let parents: Vec<&str> = name.match_indices('/').map(|(end, _)| &name[..end]).collect();
        let (mut staged, mut file) = match self.stage(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(&parents)?;
                self.stage(name)?
            }
            staged => staged?,
        };
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| {
            linkat(&self.handle, staged.as_str(), &self.handle, name, AtFlags::empty())
                .map_err(io::Error::from)
        });
        let was_there = match linked {
            Ok(()) => false,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => true,
            Err(error) => {
                self.remove(&staged)?;
                return Err(error);
            }
        };
        // Somebody else's, too.
        for part in 1.. {
            staged = staged_name(name, part);
            if !self.remove(&staged)? {
                break;
            }
        }
        let put = if was_there {
            let file =
                File::from(openat(&self.handle, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?);
            file.sync_all()?;
            Put::WasThere(file)
        } else {
            Put::New
        };
        // Also those that were there: who made them may not have come to this.
        for folder in parents.iter().rev().chain(&["."]) {
            self.sync(folder)?;
        }
        Ok(put)
    }

    /// A new file beside the one that it is to be.
    fn stage(&self, name: &str) -> io::Result<(String, File)> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let mut part = 1;
        loop {
            let staged = staged_name(name, part);
            match openat(&self.handle, staged.as_str(), flags, FOR_FILES) {
                Ok(file) => return Ok((staged, File::from(file))),
                Err(Errno::EEXIST) => part += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes those folders that are not there yet.
    fn make(&self, folders: &[&str]) -> io::Result<()> {
        for folder in folders {
            match mkdirat(&self.handle, *folder, FOR_FOLDERS) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        File::from(openat(&self.handle, folder, flags, Mode::empty())?).sync_all()
    }

    /// Whether there was something to remove.
    fn remove(&self, name: &str) -> io::Result<bool> {
        match unlinkat(&self.handle, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A file that is being written. A layout has no `#`.
fn staged_name(name: &str, part: u32) -> String {
    format!("{name}#{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(held: &HeldFolder, name: &str, content: &[u8]) -> io::Result<bool> {
        held.put(name, content).map(|put| matches!(put, Put::WasThere(_)))
    }

    #[test]
    fn a_file_is_written_once_with_the_folders_that_it_lacks() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let held = HeldFolder::hold(folder.path())?;
        for name in ["flat", "one/file", "one/two/three/file"] {
            assert!(!put(&held, name, b"content")?, "{name}");
            assert!(put(&held, name, b"another")?, "{name}");
            assert_eq!(fs::read(folder.path().join(name))?, b"content", "{name}");
        }
        // What somebody left who died while he wrote.
        for part in 1..=3 {
            fs::write(folder.path().join(format!("one/file#{part}")), "a part")?;
        }
        assert!(put(&held, "one/file", b"content")?);
        let mut names: Vec<_> = fs::read_dir(folder.path().join("one"))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort();
        assert_eq!(names, ["file", "two"]);
        Ok(())
    }

    #[test]
    fn a_folder_is_reached_wherever_it_is_and_one_that_is_gone_is_not_made_anew() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (name, elsewhere) = (folder.path().join("mounted"), folder.path().join("elsewhere"));
        fs::create_dir(&name)?;
        let held = HeldFolder::hold(&name)?;
        assert!(held.is_in_place()?);

        fs::rename(&name, &elsewhere)?;
        put(&held, "a/file", b"content")?;
        assert_eq!(fs::read(elsewhere.join("a/file"))?, b"content");
        assert!(!held.is_in_place()?, "nothing has its name");
        fs::create_dir(&name)?;
        assert!(!held.is_in_place()?, "another has its name");
        fs::remove_dir(&name)?;
        fs::rename(&elsewhere, &name)?;
        assert!(held.is_in_place()?);

        fs::remove_dir_all(&name)?;
        for file in ["flat", "a/file"] {
            let gone = put(&held, file, b"content").map_err(|error| error.kind());
            assert_eq!(gone, Err(io::ErrorKind::NotFound), "{file}");
        }
        assert!(!name.exists());
        Ok(())
    }

    #[test]
    fn what_is_no_folder_is_not_held() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        let said = |name: &Path| HeldFolder::hold(name).map(drop).map_err(|error| error.kind());
        assert_eq!(said(&file), Err(io::ErrorKind::NotFound));
        fs::write(&file, "")?;
        nix::unistd::mkfifo(&pipe, FOR_FILES)?;
        for name in [file, pipe] {
            assert_eq!(said(&name), Err(io::ErrorKind::NotADirectory));
        }
        Ok(())
    }
}
