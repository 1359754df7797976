//! The keys of a ring, ready to verify.

use std::collections::HashMap;

use chancery_keyring::{Algorithm, RsaKeySize, VerifyingKey};
use chancery_store::Run;
use chancery_store::audit::KeyRow;
use uuid::Uuid;

use crate::report::{Findings, Law};

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
    pub(crate) fn new(run: &Run, rows: &[KeyRow]) -> Self {
        let keys = rows
            .iter()
            .map(|row| (row.id, RingKey { last_use: row.last_use, public: public_key(run, row) }))
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

/// What can be said of the keys before any of them is used: they are as many as declared, all different,
/// and each can verify. And that the run's own numbers fit. The rows are those of which the ring was made.
pub(crate) fn check(run: &Run, rows: &[KeyRow], ring: &Ring, shown: usize) -> Findings {
    let mut findings = Findings::new(shown);
    let batches = (run.record_count + run.batch_size - 1) / run.batch_size.max(1);
    if run.batch_count != batches {
        let said = run.batch_count;
        findings
            .violated(Law::OneKeyABatch, 0, || format!("the run says {said} batches instead of {batches}"));
    }
    if usize::try_from(run.key_count) != Ok(rows.len()) {
        findings.violated(Law::LeastRecentlyUsed, 0, || {
            format!("the ring has {} keys, the run declares {}", rows.len(), run.key_count)
        });
    }
    let mut seen = HashMap::new();
    for (row, expected) in rows.iter().zip(1_i32..) {
        let about = i64::from(row.number);
        if row.number != expected {
            findings.violated(Law::LeastRecentlyUsed, about, || {
                format!("key {} has number {}, expected is {expected}", row.id, row.number)
            });
        }
        if let Some(earlier) = row.public_key.as_deref().and_then(|public| seen.insert(public, row.id)) {
            findings.violated(Law::NoSharedKey, about, || {
                format!("key {} and key {earlier} are one and the same", row.id)
            });
        }
        if let Some(Err(reason)) = ring.get(row.id).map(|key| &key.public) {
            findings.violated(Law::TrueSignatures, 0, || reason.clone());
        }
    }
    findings
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
    let key = VerifyingKey::from_spki_der(algorithm, public_key)
        .map_err(|error| format!("the public key of key {} can not be read: {error}", row.id))?;
    let declared = run.key_size.and_then(|bits| u32::try_from(bits).ok());
    let size = key.rsa_key_size().map(RsaKeySize::bits);
    if size != declared {
        let bits =
            |size: Option<u32>| size.map_or_else(|| "no size".to_owned(), |bits| format!("{bits} bits"));
        return Err(format!("key {} has {}, the run declares {}", row.id, bits(size), bits(declared)));
    }
    Ok(key)
}
