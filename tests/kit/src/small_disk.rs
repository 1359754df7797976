//! A disk that can be full.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory, for a database of a server; gone when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    // The folder outlives the mount.
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one. None, and a line that says so, without the right to.
    ///
    /// # Errors
    ///
    /// When no folder for it can be made.
    #[expect(clippy::print_stdout, reason = "who reads the output of a test learns that it did nothing")]
    pub fn mount(megabytes: u32) -> anyhow::Result<Option<Self>> {
        // The server's user has to pass through it.
        let everybody = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(everybody).tempdir()?;
        let path = folder.path().to_owned();
        let size = format!("size={megabytes}m");
        if !mount(&["-t", "tmpfs", "-o", &size, "tmpfs", &path.to_string_lossy()]) {
            println!("skipped: needs root and mount");
            return Ok(None);
        }
        Ok(Some(Self { path, _folder: folder }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it to the owner of another folder.
    ///
    /// # Errors
    ///
    /// When there is no such folder, or the right is lacking.
    pub fn give_to_owner_of(&self, other: &str) -> anyhow::Result<()> {
        let owner = std::fs::metadata(other)?;
        Ok(chown(&self.path, Some(owner.uid()), Some(owner.gid()))?)
    }

    /// Makes it larger or smaller.
    ///
    /// # Errors
    ///
    /// When more is used.
    pub fn resize(&self, kilobytes: u64) -> anyhow::Result<()> {
        let size = format!("remount,size={kilobytes}k");
        anyhow::ensure!(mount(&["-o", &size, &self.path.to_string_lossy()]), "it cannot be resized");
        Ok(())
    }

    /// What is used of it.
    ///
    /// # Errors
    ///
    /// When `df` does not tell.
    pub fn used_kilobytes(&self) -> anyhow::Result<u64> {
        let output = Command::new("df").args(["--output=used", "-k"]).arg(&self.path).output()?;
        let used = String::from_utf8(output.stdout)?;
        Ok(used.lines().last().unwrap_or_default().trim().parse()?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its files may still be open in a server that ends a little later.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(arguments: &[&str]) -> bool {
    Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
}
