//! The data key of a keyring: what the ring's private keys are wrapped with at rest.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Kek;
use crate::seal::{NotOpened, open, seal};
use crate::secret::{NoSecret, Secret};

const FINGERPRINT_LABEL: &[u8] = b"chancery data key fingerprint v1";

const LABEL: &[u8] = b"chancery data key v1";

const CONTENT_LABEL: &[u8] = b"chancery content under a data key v1";

/// The data key of one keyring: 32 secret bytes, overwritten when dropped. Whoever has it opens the private keys of that
/// ring, and those of no other.
///
/// It has no `Clone` and its `Debug` shows nothing. Wrapping picks a nonce of 96 bits at random, so one data key may wrap
/// up to 2^32 keys ([NIST SP 800-38D, section 8.3](https://doi.org/10.6028/NIST.SP.800-38D)).
pub struct DataKey(Secret);

/// A data key as the ledger keeps it. Nothing in it is secret to whoever has not the KEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// The keyring's identity, which the wrapping is bound to.
    pub keyring: Uuid,
    /// Tells which data key it is: see [`DataKey::fingerprint`].
    pub fingerprint: String,
    /// Tells which KEK wrapped it: see [`Kek::fingerprint`].
    pub kek_fingerprint: String,
    /// 61 bytes: see [`DataKey::wrap`].
    pub wrapped: Vec<u8>,
}

impl DataKey {
    /// A fresh one from the system's random source.
    ///
    /// # Panics
    ///
    /// When the system has no random bytes to give, in which case no key can be made either.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// A data key of these bytes. The caller's copy, if it keeps one, is the caller's to overwrite.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// Reads the content of a data key file, in the form of a KEK file: see [`Kek::parse`].
    ///
    /// # Errors
    ///
    /// [`DataKeyError`] says what was given and what is wanted, without any of the content.
    pub fn parse(content: &[u8]) -> Result<Self, DataKeyError> {
        Secret::parse(content).map(Self).map_err(|why| match why {
            NoSecret::Length { given } => DataKeyError::Length { given },
            NoSecret::Base64 => DataKeyError::Base64,
        })
    }

    /// The data key in standard base64: 44 characters, as [`DataKey::parse`] reads them.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    /// 16 lower-case hex digits that tell data keys apart and reveal nothing of them, made as those of a KEK are: see
    /// [`Kek::fingerprint`]. The ledger stores it with the ring.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(FINGERPRINT_LABEL)
    }

    /// 16 lower-case hex digits that tell some contents from others, and reveal nothing of them to whoever has not the data
    /// key: made as the fingerprint is, over the length and the bytes of each.
    #[must_use]
    pub fn fingerprint_of(&self, contents: &[&[u8]]) -> String {
        let mut told = CONTENT_LABEL.to_vec();
        for content in contents {
            told.extend_from_slice(&(content.len() as u64).to_be_bytes());
            told.extend_from_slice(content);
        }
        self.0.fingerprint(&Zeroizing::new(told))
    }

    /// Wraps the data key of a keyring with a KEK: 61 bytes, different ones at every call. In this order:
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 1 | the version of this format: 1 |
    /// | 12 | a nonce, fresh and random for every wrapping |
    /// | 32 | AES-256-GCM ciphertext of the data key |
    /// | 16 | the tag of AES-256-GCM |
    ///
    /// The tag also covers, as associated data, `chancery data key v1` || the keyring's id (16 bytes). So whoever can write
    /// to the ledger but has no KEK can neither make a data key nor pass one off as that of another ring.
    ///
    /// # Errors
    ///
    /// [`WrapDataKeyError`] when AWS-LC cannot encrypt, which it has no reason for but a lack of memory.
    pub fn wrap(&self, kek: &Kek, keyring: Uuid) -> Result<WrappedDataKey, WrapDataKeyError> {
        let wrapped = seal(kek.secret(), &associated_data(keyring), self.0.bytes())
            .map_err(|Unspecified| WrapDataKeyError { keyring })?;
        Ok(WrappedDataKey {
            keyring,
            fingerprint: self.fingerprint(),
            kek_fingerprint: kek.fingerprint(),
            wrapped,
        })
    }

    /// Opens a wrapped data key with the KEK that wrapped it. [`Keks::open`](crate::Keks::open) finds that one.
    ///
    /// # Errors
    ///
    /// Every variant of [`OpenDataKeyError`] but [`OpenDataKeyError::OtherKek`].
    pub fn open(kek: &Kek, given: &WrappedDataKey) -> Result<Self, OpenDataKeyError> {
        let WrappedDataKey { keyring, fingerprint, kek_fingerprint: _, wrapped } = given;
        let keyring = *keyring;
        let document = open(kek.secret(), &associated_data(keyring), wrapped).map_err(|why| match why {
            NotOpened::Truncated { .. } => OpenDataKeyError::Altered { keyring },
            NotOpened::UnknownVersion { given } => OpenDataKeyError::UnknownVersion { keyring, given },
            NotOpened::DoesNotOpen => OpenDataKeyError::Altered { keyring },
        })?;
        let opened = Secret::from_slice(&document).map(Self).ok_or(OpenDataKeyError::Altered { keyring })?;
        if opened.fingerprint() == *fingerprint {
            Ok(opened)
        } else {
            Err(OpenDataKeyError::OtherDataKey { keyring })
        }
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

fn associated_data(keyring: Uuid) -> Vec<u8> {
    [LABEL, keyring.as_bytes()].concat()
}

/// Why some content is no data key. It never quotes the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataKeyError {
    /// Neither the length of the raw form nor that of the base64 form.
    #[error(
        "a data key is exactly 32 raw bytes, or 44 characters of standard base64 (a newline may \
         follow): {given} bytes were given"
    )]
    Length {
        /// The length of the content in bytes, a trailing newline included.
        given: usize,
    },
    /// 44 characters, but not the standard base64 of 32 bytes.
    #[error(
        "a data key is exactly 32 raw bytes, or 44 characters of standard base64 (a newline may \
         follow): 44 characters were given that are not the base64 of 32 bytes"
    )]
    Base64,
}

/// A data key could not be encrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data key of the keyring {keyring} could not be wrapped: AES-256-GCM failed")]
pub struct WrapDataKeyError {
    /// The id of the keyring.
    pub keyring: Uuid,
}

/// Why a wrapped data key does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenDataKeyError {
    /// None of the KEKs at hand wrapped it.
    #[error(
        "the data key of the keyring {keyring} is wrapped by a KEK that is not at hand: its fingerprint is {wanted}, at \
         hand is {given}; give the KEK that it was wrapped with, too (--kek-file or --former-kek-file, kek.former in the \
         chart's values)"
    )]
    OtherKek {
        /// The id of the keyring.
        keyring: Uuid,
        /// Fingerprint of the KEK that wrapped it.
        wanted: String,
        /// Fingerprints of the KEKs at hand, with commas.
        given: String,
    },
    /// A version that this program does not know, or no wrapped data key at all.
    #[error(
        "the data key of the keyring {keyring} is wrapped in format {given}, this program knows format 1 only"
    )]
    UnknownVersion {
        /// The id of the keyring.
        keyring: Uuid,
        /// The version byte as given.
        given: u8,
    },
    /// The tag is not right for this keyring and the KEK that is said to have wrapped it.
    #[error(
        "the data key of the keyring {keyring} does not open with the KEK that is said to have wrapped it: it was altered, \
         or is another keyring's; restore the ledger from a backup"
    )]
    Altered {
        /// The id of the keyring.
        keyring: Uuid,
    },
    /// It opens, and is not the data key that the ring's private keys are wrapped with.
    #[error(
        "the data key of the keyring {keyring} is another one than the ring was made with: one of them was altered; \
         restore the ledger from a backup"
    )]
    OtherDataKey {
        /// The id of the keyring.
        keyring: Uuid,
    },
}
