//! Private folders elsewhere, found again through a file that records their path.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::plain_text;
use crate::error::{Error, io_error};

/// Every such folder's name begins so; nothing else is ever removed through a record.
const PREFIX: &str = "chancery-postgres-";

/// The folder that a record names, if it is still the one that was made: of this owner, no
/// link, and writable by nobody else. Temporary folders are cleaned, and names can then be
/// taken by others.
pub(crate) fn recorded(record: &Path, owner: u32) -> Option<PathBuf> {
    let dir = PathBuf::from(fs::read_to_string(record).ok()?);
    let found = fs::symlink_metadata(&dir).ok()?;
    let ours = has_our_name(&dir)
        && found.is_dir()
        && found.uid() == owner
        && found.permissions().mode() & 0o022 == 0;
    ours.then_some(dir)
}

/// Makes a folder with an unguessable name in `parent`, for its owner only, and records it
/// once `prepare` has succeeded.
pub(crate) fn make<T>(
    parent: &Path,
    record: &Path,
    prepare: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<(PathBuf, T), Error> {
    let dir = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(io_error("create a private folder in", parent))?;
    let path = plain_text(dir.path())?;
    let prepared = prepare(dir.path())?;
    fs::write(record, path).map_err(io_error("write", record))?;
    Ok((dir.keep(), prepared))
}

/// Removes the folder that a record names, and the record.
pub(crate) fn remove(record: &Path) {
    // What cannot be removed is harmless, and found again by the next who tries.
    if let Ok(text) = fs::read_to_string(record) {
        let dir = PathBuf::from(text);
        let is_dir = fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir());
        if is_dir && has_our_name(&dir) {
            let _ = fs::remove_dir_all(&dir);
        }
        let _ = fs::remove_file(record);
    }
}

/// Where private folders can be made: the temporary folder, or `/tmp` if that one is too
/// deep or closed.
pub(crate) fn temporary_folders() -> [PathBuf; 2] {
    [std::env::temp_dir(), PathBuf::from("/tmp")]
}

fn has_our_name(dir: &Path) -> bool {
    dir.is_absolute()
        && dir.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX))
}
