//! Making the keys that the ring of the run lacks, between batches.
//!
//! A slot makes one key, signs one batch, makes one key: so the first signature needs one key only, and a ring of
//! thousands of keys is filled while the run is signed. No lease is held while a key is made.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_keyring::{DataKey, GeneratedKey, KeySpec, generate};
use chancery_process::Stop;
use chancery_store::SignerSession;
use chancery_store::keyring::NewKey;
use chancery_store::lease::{Added, MissingKeys};
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::SignerError;
use crate::signer::Signer;

/// What the slots of a signer know of the keys that are missing.
pub(crate) struct Making {
    spec: KeySpec,
    keyring: Uuid,
    data_key: Arc<DataKey>,
    filled: watch::Sender<bool>,
    /// Numbers of keys that slots of this signer are making.
    in_hand: Mutex<HashSet<i32>>,
}

impl Making {
    /// Keys for the ring of this uid, which is `filled` as far as is known.
    pub(crate) fn new(spec: KeySpec, keyring: Uuid, data_key: Arc<DataKey>, filled: bool) -> Self {
        Self { spec, keyring, data_key, filled: watch::Sender::new(filled), in_hand: Mutex::default() }
    }

    /// Whether the ring is known to have all its keys. It never lacks one again.
    pub(crate) fn is_over(&self) -> bool {
        *self.filled.borrow()
    }

    /// Waits until the ring is known to have all its keys.
    pub(crate) async fn over(&self) {
        let mut filled = self.filled.subscribe();
        // The sender is in `self`: there is nothing that could go wrong.
        let _known = filled.wait_for(|filled| *filled).await;
    }

    /// Takes the first of these numbers that no other slot of this signer has in hand.
    fn take(&self, missing: &[i32]) -> Option<Number<'_>> {
        let mut in_hand = self.in_hand();
        let number = missing.iter().copied().find(|number| in_hand.insert(*number))?;
        Some(Number { number, of: self })
    }

    /// Makes a key on a thread of its own. None when the signer is asked to stop first: the thread is then left to itself,
    /// for nothing can interrupt the search for primes, and ends with the process.
    async fn generate(&self, stop: &Stop) -> Result<Option<GeneratedKey>, SignerError> {
        let (spec, keyring, data_key) = (self.spec, self.keyring, Arc::clone(&self.data_key));
        let generating = tokio::task::spawn_blocking(move || generate(spec, keyring, &data_key));
        tokio::select! {
            generated = generating => Ok(Some(generated??)),
            () = stop.asked() => Ok(None),
        }
    }

    fn in_hand(&self) -> MutexGuard<'_, HashSet<i32>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a key that a slot is making, until it is dropped.
struct Number<'a> {
    number: i32,
    of: &'a Making,
}

impl Drop for Number<'_> {
    fn drop(&mut self) {
        self.of.in_hand().remove(&self.number);
    }
}

/// Makes one key, if the ring lacks one that no other slot is making. True when the ring has one more than before, of this
/// signer or of another.
///
/// # Errors
///
/// A database that is away or refuses. The key is then made anew.
pub(crate) async fn make_key(signer: &Signer, session: &mut SignerSession) -> Result<bool, SignerError> {
    let making = &signer.making;
    if making.is_over() {
        return Ok(false);
    }
    let _processor = tokio::select! {
        permit = signer.processors.acquire() => permit,
        () = signer.stop.asked() => return Ok(false),
    };
    // Each signer begins anywhere, so that two seldom make the same key.
    let missing = match session.missing_keys(rand::random(), signer.threads).await? {
        MissingKeys::Numbers(missing) => missing,
        MissingKeys::Filled => {
            making.filled.send_replace(true);
            return Ok(false);
        }
        MissingKeys::NotNow => return Ok(false),
    };
    let Some(number) = making.take(&missing) else { return Ok(false) };
    let Some(GeneratedKey { id, public_key, wrapped }) = making.generate(&signer.stop).await? else {
        return Ok(false);
    };
    let key = NewKey { id, number: number.number, public_key, wrapped_key: wrapped };
    Ok(match session.add_key(&key).await? {
        Added::Added => {
            signer.metrics.made_key();
            tracing::debug!(key = %id, number = key.number, "made a key");
            signer.progressed();
            true
        }
        Added::Taken => true,
        Added::NotNow => false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chancery_keyring::{Algorithm, RsaKeySize};

    use super::*;

    fn making(spec: KeySpec) -> Making {
        Making::new(spec, Uuid::now_v7(), Arc::new(DataKey::generate()), false)
    }

    fn of_kind(algorithm: Algorithm, size: Option<RsaKeySize>) -> KeySpec {
        KeySpec::new(algorithm, size).expect("a kind of key")
    }

    #[test]
    fn two_slots_of_a_signer_never_make_the_same_key() {
        let making = making(of_kind(Algorithm::EdDsa, None));
        let first = making.take(&[7, 8]).expect("nobody makes key 7");
        let second = making.take(&[7, 8]).expect("nobody makes key 8");
        assert_eq!((first.number, second.number), (7, 8));
        assert!(making.take(&[7, 8]).is_none(), "both are being made");
        drop(first);
        assert_eq!(making.take(&[7, 8]).map(|taken| taken.number), Some(7), "it was not made after all");
    }

    #[tokio::test]
    async fn a_signer_that_is_asked_to_stop_waits_for_no_key() {
        let making = making(of_kind(Algorithm::Rs256, Some(RsaKeySize::Bits4096)));
        let stop = Stop::never(Duration::ZERO);
        stop.now();
        // The thread may be the faster one, once in a lifetime.
        assert!(making.generate(&stop).await.expect("no failure").is_none());
    }

    #[tokio::test]
    async fn a_signer_that_is_not_gets_its_key() {
        let making = making(of_kind(Algorithm::EdDsa, None));
        let made = making.generate(&Stop::never(Duration::ZERO)).await.expect("no failure");
        assert_eq!(made.map(|key| key.public_key.len()), Some(44));
    }
}
