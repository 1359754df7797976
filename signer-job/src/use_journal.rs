//! Tells tests with faults at which instants a key is in use.
//!
//! What is stored shows which signer's work counted, not which signers had a key in their hands. So a
//! signer under test writes down when it starts and stops signing with a key, and holds the lock of a
//! file of that key meanwhile. The kernel gives up the lock in the moment in which the process ends,
//! however it ends: a signer that finds it taken has caught another one using the key.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use chancery_store::lease::Lease;

use crate::boot_instant::BootInstant;

/// A folder in which all signers under test tell what they do.
#[derive(Debug)]
pub(crate) struct UseJournal {
    folder: PathBuf,
    holder: String,
    /// Opened for appending: the kernel keeps the lines of several processes apart.
    lines: File,
}

/// A key that is in use.
#[derive(Debug)]
pub(crate) struct KeyInUse {
    journal: Arc<UseJournal>,
    lease: i64,
    /// Locked until this is dropped, unless another signer had locked it.
    _key: File,
}

impl UseJournal {
    pub(crate) fn open(folder: PathBuf, holder: String) -> io::Result<Self> {
        let lines = OpenOptions::new().create(true).append(true).open(folder.join("journal"))?;
        Ok(Self { folder, holder, lines })
    }

    /// To be called before the first signature with the key of a lease.
    pub(crate) fn start(self: &Arc<Self>, lease: &Lease) -> io::Result<KeyInUse> {
        let key = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join(lease.key.to_string()))?;
        let alone = match key.try_lock() {
            Ok(()) => "alone",
            Err(TryLockError::WouldBlock) => "shared",
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let Lease { id, key: name, batch, .. } = lease;
        self.write("start", &format!("{id} {name} {batch} {alone} {}", self.holder))?;
        Ok(KeyInUse { journal: Arc::clone(self), lease: lease.id, _key: key })
    }

    fn write(&self, what: &str, of: &str) -> io::Result<()> {
        let now = BootInstant::now().since_boot().as_nanos();
        (&self.lines).write_all(format!("{what} {now} {of}\n").as_bytes())
    }
}

impl KeyInUse {
    /// To be called after the last signature, with their number.
    pub(crate) fn stop(self, signed: usize) -> io::Result<()> {
        self.journal.write("stop", &format!("{} {signed}", self.lease))
    }
}
