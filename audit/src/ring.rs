//! The keys of a ring, ready to verify.

use std::collections::HashMap;

use chancery_keyring::{Algorithm, VerifyingKey};
use chancery_store::Run;
use chancery_store::audit::KeyRow;
use uuid::Uuid;

/// A key of the ring.
#[derive(Debug)]
pub(crate) struct RingKey {
    pub(crate) last_use: i64,
    /// The public key, or why nothing can be verified with it.
    pub(crate) public: Result<VerifyingKey, String>,
}

/// The keys of a run's ring, by id.
#[derive(Debug)]
pub(crate) struct Ring {
    keys: HashMap<Uuid, RingKey>,
}

impl Ring {
    pub(crate) fn new(run: &Run, rows: Vec<KeyRow>) -> Self {
        let keys = rows
            .into_iter()
            .map(|row| {
                let public = public_key(run, &row);
                (row.id, RingKey { last_use: row.last_use, public })
            })
            .collect();
        Self { keys }
    }

    pub(crate) fn get(&self, key: Uuid) -> Option<&RingKey> {
        self.keys.get(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, &RingKey)> {
        self.keys.iter().map(|(id, key)| (*id, key))
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

fn public_key(run: &Run, row: &KeyRow) -> Result<VerifyingKey, String> {
    let (Some(algorithm), Some(public_key)) = (&row.algorithm, &row.public_key) else {
        return Err(format!("key {} has no material", row.id));
    };
    if *algorithm != run.algorithm {
        return Err(format!("key {} is for {algorithm}, the run signs with {}", row.id, run.algorithm));
    }
    let algorithm: Algorithm =
        algorithm.parse().map_err(|error| format!("key {} can not be used: {error}", row.id))?;
    VerifyingKey::from_spki_der(algorithm, public_key)
        .map_err(|error| format!("the public key of {} can not be read: {error}", row.id))
}
