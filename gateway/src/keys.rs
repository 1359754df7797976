//! The public keys of keyrings. A key never changes, so one that was read is known from then on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_store::results::SignedRecord;
use chancery_store::{Keyring, Ledger};
use uuid::Uuid;

use crate::jwk::{Jwk, encoded};
use crate::model::{Signed, SignedLine};
use crate::problem::Problem;
use crate::states::flags_of;

/// Keyrings whose keys are known at a time.
const MOST: usize = 64;

type Known = Arc<HashMap<Uuid, Arc<Jwk>>>;

/// All that are known.
#[derive(Default)]
pub(crate) struct Keys {
    known: Mutex<HashMap<Uuid, Known>>,
}

impl Keys {
    /// The keys of a ring as the ledger has them now, in the order of their numbers.
    pub(crate) async fn of(&self, ledger: &Ledger, keyring: &Keyring) -> Result<Vec<Arc<Jwk>>, Problem> {
        let keys = ledger.public_keys(keyring).await.map_err(|error| Problem::store(&error))?;
        let jwks: Vec<(Uuid, Arc<Jwk>)> = keys
            .into_iter()
            .filter_map(|key| Some((key.id, Arc::new(Jwk::of(&keyring.algorithm, &key.public_key)?))))
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&keyring.uid) {
            known.clear();
        }
        known.insert(keyring.uid, Arc::new(jwks.iter().cloned().collect()));
        Ok(jwks.into_iter().map(|(_, jwk)| jwk).collect())
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
            .map(|SignedRecord { record, digest, key_id, signature, signed_at, flags }| {
                let key_id = known.get(&key_id).map_or_else(|| key_id.to_string(), |jwk| jwk.id.clone());
                let shown = Signed {
                    digest: hex(&digest),
                    algorithm: keyring.algorithm.clone(),
                    key_id,
                    signature: encoded(&signature),
                    signed_at,
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
