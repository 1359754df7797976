//! What the operator remembers of runs between reconciles. Nothing here is needed for correctness: a
//! fresh operator does the same, only with a few requests more.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use chancery_api::SigningRunStatus;
use tokio::time::Instant;

/// What is remembered, by the uid of the run.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    runs: Mutex<HashMap<String, Remembered>>,
}

/// What is remembered of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    /// The status that was written last, and when: the watch may not have brought it back yet.
    pub(crate) written: Option<(SigningRunStatus, Instant)>,
    /// Holders whose leases have been given back, to be looked for once more only when they are fresh.
    pub(crate) buried: HashSet<String>,
    /// The uid of the Job that was made or changed last.
    pub(crate) job: Option<String>,
    /// How often in a row reconciling failed.
    pub(crate) failures: u32,
}

impl Memory {
    /// What is remembered of a run.
    pub(crate) fn of(&self, uid: &str) -> Remembered {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of a run.
    pub(crate) fn change<T>(&self, uid: &str, change: impl FnOnce(&mut Remembered) -> T) -> T {
        change(self.lock().entry(uid.to_owned()).or_default())
    }

    /// Forgets a run that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Remembered>> {
        // A panic elsewhere leaves nothing half-done here.
        self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
