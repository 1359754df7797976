//! The KEKs at hand: the one that wraps, and those that it takes the place of.

use crate::{DataKey, Kek, OpenDataKeyError, WrapDataKeyError, WrappedDataKey};

/// The KEK that wraps, and former ones, which only open. While data keys are wrapped anew, both are needed.
#[derive(Debug)]
pub struct Keks {
    current: Kek,
    former: Vec<Kek>,
}

impl Keks {
    /// These. A former one that is the current one counts once.
    #[must_use]
    pub fn new(current: Kek, former: Vec<Kek>) -> Self {
        let is_other = |kek: &Kek| kek.fingerprint() != current.fingerprint();
        let former = former.into_iter().filter(is_other).collect();
        Self { current, former }
    }

    /// The one that wraps.
    #[must_use]
    pub fn current(&self) -> &Kek {
        &self.current
    }

    /// The fingerprints of all, that of the current one first.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        self.all().map(Kek::fingerprint).collect()
    }

    /// Opens a data key with the KEK that wrapped it.
    ///
    /// # Errors
    ///
    /// [`OpenDataKeyError`], when none of them wrapped it, or when it was altered.
    pub fn open(&self, given: &WrappedDataKey) -> Result<DataKey, OpenDataKeyError> {
        let Some(kek) = self.all().find(|kek| kek.fingerprint() == given.kek_fingerprint) else {
            return Err(OpenDataKeyError::OtherKek {
                keyring: given.keyring,
                wanted: given.kek_fingerprint.clone(),
                given: self.fingerprints().join(", "),
            });
        };
        DataKey::open(kek, given)
    }

    /// Wraps a data key anew, with the current KEK. None when the current one has wrapped it already.
    ///
    /// # Errors
    ///
    /// As for [`Keks::open`], and when AWS-LC cannot encrypt.
    pub fn rewrap(&self, given: &WrappedDataKey) -> Result<Option<WrappedDataKey>, RewrapError> {
        if given.kek_fingerprint == self.current.fingerprint() {
            return Ok(None);
        }
        let data_key = self.open(given)?;
        let wrapped = data_key.wrap(&self.current, given.keyring)?;
        // What cannot be opened again must not take the place of what can.
        DataKey::open(&self.current, &wrapped)?;
        Ok(Some(wrapped))
    }

    fn all(&self) -> impl Iterator<Item = &Kek> {
        std::iter::once(&self.current).chain(&self.former)
    }
}

/// Why a data key is not wrapped anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewrapError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenDataKeyError),
    /// It cannot be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapDataKeyError),
}
