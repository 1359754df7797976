//! Opened keys, kept for the next batch that is leased with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_keyring::{Algorithm, Kek, SigningKey, UnwrapError};
use chancery_store::lease::Lease;
use uuid::Uuid;

/// Opening an RSA key costs as much as signing with it does, so opened keys are kept: as many as take
/// about 10 MiB at RSA-4096. In a larger ring keys come round too seldom for this to matter.
const KEPT: usize = 1_024;

struct Opened {
    wrapped: Vec<u8>,
    key: Arc<SigningKey>,
}

/// The keys that this process has opened. Not `Debug`.
pub(crate) struct OpenedKeys {
    kek: Kek,
    keyring: Uuid,
    algorithm: Algorithm,
    kept: Mutex<HashMap<Uuid, Opened>>,
}

impl OpenedKeys {
    pub(crate) fn new(kek: Kek, keyring: Uuid, algorithm: Algorithm) -> Self {
        Self { kek, keyring, algorithm, kept: Mutex::default() }
    }

    /// The lease's key, if it is open already. A kept one is used only while the ledger still holds the
    /// very bytes that it was opened from.
    pub(crate) fn kept(&self, lease: &Lease) -> Option<Arc<SigningKey>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = kept.get(&lease.key).filter(|opened| opened.wrapped == lease.wrapped_key)?;
        Some(Arc::clone(&opened.key))
    }

    /// Opens the lease's key, which has to be the private one of `public_key`, and keeps it.
    pub(crate) fn open(&self, lease: &Lease, public_key: &[u8]) -> Result<Arc<SigningKey>, UnwrapError> {
        let key = Arc::new(SigningKey::open(
            &self.kek,
            self.keyring,
            lease.key,
            self.algorithm,
            &lease.wrapped_key,
        )?);
        key.belongs_to(public_key)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&lease.key) {
            let victim = kept.keys().next().copied();
            victim.and_then(|victim| kept.remove(&victim));
        }
        kept.insert(lease.key, Opened { wrapped: lease.wrapped_key.clone(), key: Arc::clone(&key) });
        Ok(key)
    }
}
