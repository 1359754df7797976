//! The keys of a ring: what can be said of them before any is used, and ready to verify. No IO.

use std::collections::{HashMap, HashSet};

use chancery_keyring::{Envelope, Form, RsaKeySize, VerifyingKey};
use chancery_store::Keyring;
use chancery_store::audit::KeyRow;
use uuid::Uuid;

use crate::report::{Findings, Law};

/// The keys of a ring, by id: the public key, or why nothing can be verified with it.
#[derive(Debug)]
pub(crate) struct Ring {
    keys: HashMap<Uuid, Result<VerifyingKey, String>>,
}

/// Signatures of a key from which on it pays to prepare it for many.
const MANY: i64 = 200;

/// Keys that stay prepared at the most: the memory that an audit takes has a bound, some 28 MB. The keys of a larger ring are
/// prepared for a portion's signatures at a time.
const MOST_PREPARED: usize = 128;

impl Ring {
    /// The keys, which signed so many records together.
    pub(crate) fn new(keyring: &Keyring, rows: &[KeyRow], records: i64) -> Self {
        let each = i64::try_from(rows.len().max(1)).map_or(0, |keys| records / keys);
        let is_prepared = each >= MANY && rows.len() <= MOST_PREPARED;
        let key = |row: &KeyRow| {
            let key = public_key(keyring, row);
            (row.id, if is_prepared { key.map(VerifyingKey::for_many) } else { key })
        };
        Self { keys: rows.iter().map(key).collect() }
    }

    pub(crate) fn get(&self, key: Uuid) -> Option<&Result<VerifyingKey, String>> {
        self.keys.get(&key)
    }
}

/// Law 2: each key can verify, used or not.
pub(crate) fn check_material(rows: &[KeyRow], ring: &Ring, shown: usize) -> Findings {
    let mut findings = Findings::new(shown);
    for row in rows {
        if let Some(Err(reason)) = ring.get(row.id) {
            findings.violated(Law::TrueSignatures, 0, || reason.clone());
        }
    }
    findings
}

/// Laws 4 and 5: the keys are as many as declared and all different, and each says of itself what can be.
pub(crate) fn check_keys(keyring: &Keyring, rows: &[KeyRow], shown: usize) -> Findings {
    let mut findings = Findings::new(shown);
    if keyring.provider != "Local" {
        let provider = &keyring.provider;
        findings.violated(Law::NoSharedKey, 0, || {
            format!("the ring's keys are with the provider {provider}, which is unknown")
        });
    }
    check_numbers(keyring, rows, &mut findings);
    let (mut ids, mut seen) = (HashSet::new(), HashMap::new());
    for row in rows {
        let KeyRow { id, number, .. } = row;
        let about = i64::from(*number);
        if !ids.insert(row.id) {
            findings.violated(Law::LeastRecentlyUsed, about, || format!("key {id} stands more than once"));
        } else if let Some(earlier) = row.public_key.as_deref().and_then(|public| seen.insert(public, row.id))
        {
            findings.violated(Law::NoSharedKey, about, || {
                format!("key {id} and key {earlier} are one and the same")
            });
        }
        for wrong in wrongs_of(keyring, row) {
            findings.violated(Law::LeastRecentlyUsed, about, || format!("key {id} {wrong}"));
        }
    }
    findings
}

/// The keys are numbered from 1 on, and those that may be chosen are no more than the ring is to have. A ring that
/// is being filled gets its keys in any order.
fn check_numbers(keyring: &Keyring, rows: &[KeyRow], findings: &mut Findings) {
    let declared = usize::try_from(keyring.key_count).unwrap_or_default();
    let active = rows.iter().filter(|row| row.state == "active").count();
    if active > declared || (keyring.filled && rows.len() < declared) {
        findings.violated(Law::LeastRecentlyUsed, 0, || {
            let counted = if active > declared { active } else { rows.len() };
            format!("the ring has {counted} keys, it declares {declared}")
        });
    }
    let mut before = 0;
    for KeyRow { id, number, .. } in rows {
        let expected = before + 1;
        if *number < expected || (keyring.filled && *number > expected) {
            findings.violated(Law::LeastRecentlyUsed, i64::from(*number), || {
                format!("key {id} has number {number}, expected is {expected}")
            });
        }
        before = *number;
    }
}

/// What the key's row says that cannot be.
fn wrongs_of(keyring: &Keyring, row: &KeyRow) -> Vec<String> {
    let KeyRow { state, last_use, joined_use, retired_use, has_retired_at, .. } = row;
    let retired = retired_use.is_some();
    let mut wrongs = Vec::new();
    match state.as_str() {
        "active" if retired || *has_retired_at => {
            wrongs.push("is active, yet says when it left the ring".to_owned());
        }
        "retired" if !retired || !has_retired_at => {
            wrongs.push("is retired, yet does not say when it left the ring".to_owned());
        }
        "active" | "retired" => {}
        other => wrongs.push(format!("is in the unknown state {other}")),
    }
    if *joined_use < 0 || last_use < joined_use {
        wrongs.push(format!("says that its last use was {last_use}, before it joined after {joined_use}"));
    }
    if let Some(retired_use) = retired_use.filter(|retired_use| retired_use < last_use) {
        wrongs.push(format!("says that its last use was {last_use}, after it had left after {retired_use}"));
    }
    let forgotten = keyring.forgotten_use;
    if forgotten > 0 && *last_use <= forgotten {
        wrongs.push(format!("was last used at {last_use}, but the log has forgotten all up to {forgotten}"));
    }
    wrongs
}

fn public_key(keyring: &Keyring, row: &KeyRow) -> Result<VerifyingKey, String> {
    let Some(public_key) = &row.public_key else {
        return Err(format!("key {} has no material", row.id));
    };
    if keyring.envelope.parse::<Envelope>().is_err() {
        return Err(format!("key {} signs in the envelope {}, which is unknown", row.id, keyring.envelope));
    }
    let form = Form::named(&keyring.algorithm, &keyring.envelope, keyring.content_type.as_deref())
        .map_err(|error| format!("key {} cannot be used: {error}", row.id))?;
    let key = VerifyingKey::of_form(&form, public_key)
        .map_err(|error| format!("the public key of key {} cannot be read: {error}", row.id))?;
    let declared = keyring.key_size.and_then(|bits| u32::try_from(bits).ok());
    let size = key.rsa_key_size().map(RsaKeySize::bits);
    if size != declared {
        let bits =
            |size: Option<u32>| size.map_or_else(|| "no size".to_owned(), |bits| format!("{bits} bits"));
        return Err(format!("key {} has {}, the ring declares {}", row.id, bits(size), bits(declared)));
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
