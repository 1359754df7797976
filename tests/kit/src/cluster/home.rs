//! The folder of a cluster, gone with its process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

const PREFIX: &str = "cluster-";
const ALIVE: &str = "alive";

/// A folder for one cluster. What a process that was killed left there is swept by the next.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// Locked while this process lives, so that nobody sweeps the folder.
    _alive: File,
}

impl Home {
    pub(crate) fn claim() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir().join("chancery-tests");
        fs::create_dir_all(&parent)?;
        // Held until the folder is locked: in between it would look like one of the dead.
        let turn = File::create(parent.join("clusters.lock"))?;
        turn.lock()?;
        sweep(&parent);
        let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent)?.keep();
        let alive = File::create(path.join(ALIVE))?;
        alive.lock()?;
        Ok(Self { path, _alive: alive })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_home = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_home || !entry.path().is_dir() {
            continue;
        }
        let alive = File::open(entry.path().join(ALIVE));
        if alive.is_err() || alive.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
