//! What the operator remembers of objects between reconciles. Nothing here is needed for correctness: an
//! operator that was just started does the same, only with a few more requests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is remembered, by the uid of the object.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    objects: Mutex<HashMap<String, T>>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { objects: Mutex::default() }
    }
}

impl<T: Clone + Default> Memory<T> {
    /// What is remembered of an object.
    pub(crate) fn of(&self, uid: &str) -> T {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an object.
    pub(crate) fn change<R>(&self, uid: &str, change: impl FnOnce(&mut T) -> R) -> R {
        change(self.lock().entry(uid.to_owned()).or_default())
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, T>> {
        // A panic elsewhere leaves nothing half-done here.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
