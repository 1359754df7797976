//! The public keys of keyrings. A key never changes, so one that was read is known from then on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_keyring::{Form, Frame, Jwk};
use chancery_store::results::SignedRecord;
use chancery_store::{Keyring, Ledger};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::{Signed, SignedLine};
use crate::problem::Problem;
use crate::states::flags_of;

/// Keys that are known at a time, of all keyrings; each keyring counts as one more. A keyring has 10,000 at the most: such a one is
/// known alone, and of ML-DSA-87 takes some 45 MB.
const MOST: usize = 10_001;

type Known = Arc<HashMap<Uuid, Arc<Key>>>;

/// A key, and its envelope.
pub(crate) struct Key {
    id: String,
    address: Option<String>,
    frame: Frame,
    /// As a JWK set shows it.
    pub(crate) jwk: Value,
}

impl Key {
    /// None if it is none of the ring's algorithm.
    fn of(form: &Form, spki: &[u8]) -> Option<Self> {
        let jwk = Jwk::of(form.algorithm(), spki)?;
        let members: Map<_, _> =
            jwk.members().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        Some(Self {
            id: jwk.id().to_owned(),
            address: jwk.address().map(str::to_owned),
            frame: Frame::new(form, spki)?,
            jwk: Value::from(members),
        })
    }
}

/// All that are known.
#[derive(Default)]
pub(crate) struct Keys {
    known: Mutex<HashMap<Uuid, Known>>,
}

impl Keys {
    /// The keys of a ring as the ledger has them now, in the order of their numbers.
    pub(crate) async fn of(&self, ledger: &Ledger, keyring: &Keyring) -> Result<Vec<Arc<Key>>, Problem> {
        Ok(self.read(ledger, keyring).await?.into_iter().map(|(_, key)| key).collect())
    }

    async fn read(&self, ledger: &Ledger, keyring: &Keyring) -> Result<Vec<(Uuid, Arc<Key>)>, Problem> {
        let keys = ledger.public_keys(keyring).await.map_err(|error| Problem::store(&error))?;
        let form = Form::named(&keyring.algorithm, &keyring.envelope, keyring.content_type.as_deref()).ok();
        let shown: Vec<(Uuid, Arc<Key>)> = keys
            .into_iter()
            .filter_map(|key| Some((key.id, Arc::new(Key::of(form.as_ref()?, &key.public_key)?))))
            .collect();
        self.remember(keyring.uid, Arc::new(shown.iter().cloned().collect()));
        Ok(shown)
    }

    fn remember(&self, keyring: Uuid, keys: Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&keyring);
        let all: usize = known.values().map(|keys| keys.len() + 1).sum();
        if all + keys.len() + 1 > MOST {
            known.clear();
        }
        known.insert(keyring, keys);
    }

    fn known(&self, keyring: &Keyring) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&keyring.uid).cloned()
    }

    /// What is said of signatures, in their order.
    pub(crate) async fn shown(
        &self,
        ledger: &Ledger,
        keyring: &Keyring,
        signed: Vec<SignedRecord>,
    ) -> Result<Vec<SignedLine>, Problem> {
        let has_all = |known: &Known| signed.iter().all(|signed| known.contains_key(&signed.key_id));
        let known = match self.known(keyring).filter(has_all) {
            Some(known) => known,
            None if signed.is_empty() => return Ok(Vec::new()),
            // What was read, and not what is known by now: others may have taken its place.
            None => Arc::new(self.read(ledger, keyring).await?.into_iter().collect()),
        };
        signed
            .into_iter()
            .map(|SignedRecord { record, digest, key_id, signature, signed_at, flags, payload }| {
                let key = known.get(&key_id);
                let envelope = key.map(|key| &key.frame).and_then(|frame| match &payload {
                    None if frame.holds_payload() => None,
                    payload => frame.finished(payload.as_deref().unwrap_or_default(), &signature),
                });
                let key_id = key.map_or_else(|| key_id.to_string(), |key| key.id.clone());
                let shown = Signed {
                    digest: hex(&digest),
                    algorithm: keyring.algorithm.clone(),
                    key_id,
                    signature: URL_SAFE_NO_PAD.encode(&signature),
                    signed_at,
                    envelope,
                    address: key.and_then(|key| key.address.clone()),
                };
                let flags = flags.as_deref().map(flags_of).transpose()?;
                Ok(SignedLine { record, signed: shown, flags })
            })
            .collect()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_keyring::Algorithm;

    /// The same key, under so many ids.
    fn keys(count: usize) -> Known {
        let frame = Frame::new(&Form::raw(Algorithm::EdDsa), &[]).expect("a frame that names no key");
        let key = Arc::new(Key { id: "key".to_owned(), address: None, frame, jwk: Value::Null });
        Arc::new((0..count).map(|_| (Uuid::now_v7(), Arc::clone(&key))).collect())
    }

    #[test]
    fn keys_are_forgotten_before_they_are_too_many() {
        let known = Keys::default();
        let rings = || known.known.lock().expect("nobody panicked").len();
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        known.remember(first, keys(4_999));
        known.remember(second, keys(4_999));
        known.remember(first, keys(5_000));
        assert_eq!(rings(), 2, "one that is read again takes its own place");
        known.remember(Uuid::now_v7(), keys(1));
        assert_eq!(rings(), 1);
        known.remember(first, keys(10_000));
        assert_eq!(rings(), 1, "the greatest is known alone");
    }
}
