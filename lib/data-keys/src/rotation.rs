//! Another KEK takes the place of the one that wrapped the data keys.

use chancery_keyring::{Keks, OpenDataKeyError, RewrapError, WrapDataKeyError};
use chancery_store::{Ledger, StoreError, StoredDataKey, WrappedBy};

use crate::wrapped;

/// Data keys that are read at a time.
const AT_ONCE: i64 = 100;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Data keys that this call wrapped anew.
    pub rewrapped: u64,
    /// Why some of those that are left do not open, each said once.
    pub refused: Vec<String>,
    /// Keyrings by the KEK that has wrapped their data key, afterwards.
    pub keyrings: Vec<WrappedBy>,
}

impl Rotation {
    /// Keyrings whose data key the KEK of this fingerprint has not wrapped. None left: former KEKs can be taken away.
    #[must_use]
    pub fn left(&self, current: &str) -> i64 {
        let others = self.keyrings.iter().filter(|wrapped| wrapped.kek_fingerprint != current);
        others.map(|wrapped| wrapped.keyrings).sum()
    }
}

/// Why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A data key cannot be encrypted.
    #[error(transparent)]
    Wrap(#[from] WrapDataKeyError),
}

/// Wraps every data key anew that another than the current KEK has wrapped, one at a time. It may be interrupted between any
/// two of them and called again, and any number of callers may be at it: each data key is at any instant wrapped by one
/// KEK or by the other, and signers that have it go on. `progress` is told of each that is done. One that does not open is
/// passed over, and why is said.
///
/// # Errors
///
/// [`RotationError`]; what was wrapped until then stays so.
pub async fn rotate(
    ledger: &Ledger,
    keks: &Keks,
    progress: impl Fn(u64) + Send + Sync,
) -> Result<Rotation, RotationError> {
    let current = keks.current().fingerprint();
    let (mut after, mut done) = (i32::MIN, Rotation::default());
    loop {
        let found = ledger.data_keys_left(&current, after, AT_ONCE).await?;
        let Some(last) = found.last() else { break };
        after = last.keyring;
        for stored in &found {
            match rewrap(ledger, keks, stored).await? {
                Outcome::Done => {
                    done.rewrapped += 1;
                    progress(done.rewrapped);
                }
                Outcome::OthersWereFirst => {}
                Outcome::Refused(why) => {
                    let why = why.to_string();
                    if !done.refused.contains(&why) {
                        done.refused.push(why);
                    }
                }
            }
        }
    }
    done.keyrings = ledger.data_keys_by_kek().await?;
    Ok(done)
}

enum Outcome {
    Done,
    OthersWereFirst,
    Refused(OpenDataKeyError),
}

async fn rewrap(ledger: &Ledger, keks: &Keks, stored: &StoredDataKey) -> Result<Outcome, RotationError> {
    let anew = match keks.rewrap(&wrapped(stored)) {
        Ok(Some(anew)) => anew,
        Ok(None) => return Ok(Outcome::OthersWereFirst),
        Err(RewrapError::Open(error)) => return Ok(Outcome::Refused(error)),
        Err(RewrapError::Wrap(error)) => return Err(error.into()),
    };
    let done = ledger.rewrap_data_key(stored, &anew.wrapped, &anew.kek_fingerprint).await?;
    Ok(if done { Outcome::Done } else { Outcome::OthersWereFirst })
}
