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

/// Keyrings whose keys are known at a time.
const MOST: usize = 64;

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
        let keys = ledger.public_keys(keyring).await.map_err(|error| Problem::store(&error))?;
        let form = Form::named(&keyring.algorithm, &keyring.envelope, keyring.content_type.as_deref()).ok();
        let shown: Vec<(Uuid, Arc<Key>)> = keys
            .into_iter()
            .filter_map(|key| Some((key.id, Arc::new(Key::of(form.as_ref()?, &key.public_key)?))))
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&keyring.uid) {
            known.clear();
        }
        known.insert(keyring.uid, Arc::new(shown.iter().cloned().collect()));
        Ok(shown.into_iter().map(|(_, key)| key).collect())
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
            None => {
                self.of(ledger, keyring).await?;
                self.known(keyring).unwrap_or_default()
            }
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
