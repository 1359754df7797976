//! Opened keys, kept for the next batch that is leased with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_keyring::{DataKey, Form, SigningKey, UnwrapError};
use chancery_store::lease::{Lease, LeaseKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Opening an RSA key costs as much as signing with it does, so opened keys are kept: as many as take
/// about 10 MiB at RSA-4096. In a larger ring keys come round too seldom for this to matter.
const KEPT: usize = 1_024;

struct Opened {
    /// SHA-256 of the wrapped key that it was opened from.
    wrapped_hash: Vec<u8>,
    key: Arc<SigningKey>,
}

/// The keys that this process has opened. Not `Debug`.
pub(crate) struct OpenedKeys {
    data_key: Arc<DataKey>,
    keyring: Uuid,
    form: Form,
    kept: Mutex<HashMap<Uuid, Opened>>,
}

impl OpenedKeys {
    pub(crate) fn new(data_key: Arc<DataKey>, keyring: Uuid, form: Form) -> Self {
        Self { data_key, keyring, form, kept: Mutex::default() }
    }

    /// The lease's key, if it is open already. A kept one is used only while the ledger still holds the
    /// very bytes that it was opened from.
    pub(crate) fn kept(&self, lease: &Lease) -> Option<Arc<SigningKey>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = kept.get(&lease.key).filter(|opened| opened.wrapped_hash == lease.wrapped_key_hash)?;
        Some(Arc::clone(&opened.key))
    }

    /// Opens a lease's key, whose private part has to be that of its public key, and keeps it.
    pub(crate) fn open(&self, lease: &Lease, key: &LeaseKey) -> Result<Arc<SigningKey>, UnwrapError> {
        let LeaseKey { wrapped, public } = key;
        let id = lease.key;
        let opened = Arc::new(SigningKey::open_in(&self.form, &self.data_key, self.keyring, id, wrapped)?);
        opened.belongs_to(public)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&id) {
            let victim = kept.keys().next().copied();
            victim.and_then(|victim| kept.remove(&victim));
        }
        let wrapped_hash = Sha256::digest(wrapped).to_vec();
        kept.insert(id, Opened { wrapped_hash, key: Arc::clone(&opened) });
        Ok(opened)
    }
}
