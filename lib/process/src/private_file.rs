//! Files that only their owner may read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;

/// Makes such a file of these pieces, which are not copied: they may be secret. One that exists is never touched.
///
/// # Errors
///
/// The file cannot be written; [`io::ErrorKind::AlreadyExists`] if there is one.
pub fn create(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    // Under another name first: a killed process must not leave half a file behind.
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    pieces.iter().try_for_each(|piece| file.write_all(piece))?;
    file.sync_all()?;
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked
}

/// Reads the beginning of a file, with no copy elsewhere. Returns how many bytes were read, and how many the file has.
pub(crate) fn read_into(path: &Path, content: &mut [u8]) -> io::Result<(usize, usize)> {
    let mut file = File::open(path)?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut read = 0;
    while read < content.len() {
        match file.read(&mut content[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((read, size))
}

/// Warns of a file of one's own that others may read, or of anybody's that everybody may. It is used all the same.
pub(crate) fn warn_if_exposed(what: &str, path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode();
    // In a pod the kubelet owns the file, and lets the pod's group read it.
    let exposing = if metadata.uid() == geteuid().as_raw() { 0o077 } else { 0o007 };
    if mode & exposing != 0 {
        tracing::warn!(
            "the {what} {} may be read by others than its owner (mode {:03o}); chmod 600 it",
            path.display(),
            mode & 0o777
        );
    }
}
