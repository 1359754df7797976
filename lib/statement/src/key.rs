//! The key that signs statements, and the public keys that are trusted.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_keyring::{Algorithm, VerifyingKey, public_key_pem};

use crate::{Digest, pem};

/// What comes before the 32 bytes of an Ed25519 public key in a `SubjectPublicKeyInfo` (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a file holds no key for statements. No message holds a byte of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No private key.
    #[error(
        "it is not one Ed25519 private key in PKCS#8 PEM, such as `openssl genpkey -algorithm ed25519` makes"
    )]
    NotPrivate,
    /// No public key.
    #[error("it holds no Ed25519 public key in PEM, such as `openssl pkey -pubout` makes")]
    NotPublic,
    /// The system has no random bytes to give.
    #[error("no key can be made: the system's random source gives no bytes")]
    NoRandomness,
}

/// The Ed25519 key that signs statements. Its `Debug` shows nothing of it.
pub struct StatementKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl StatementKey {
    /// A fresh key, and its PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<(Self, zeroize::Zeroizing<String>), KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::NoRandomness)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::NoRandomness)?;
        let pem = pem::private_key(der.as_ref());
        Ok((Self::of(pair)?, pem))
    }

    /// Reads a PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotPrivate`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = pem::blocks("PRIVATE KEY", text).ok_or(KeyError::NotPrivate)?;
        let [der] = blocks.as_slice() else { return Err(KeyError::NotPrivate) };
        Self::of(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::NotPrivate)?)
    }

    fn of(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_spki_der(&[&SPKI_PREFIX[..], pair.public_key().as_ref()].concat());
        Ok(Self { public: public.ok_or(KeyError::NotPrivate)?, pair })
    }

    /// Its public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementKey").field("public", &self.public.id()).finish_non_exhaustive()
    }
}

/// The public key of statements, checked with another library than signs them.
#[derive(Clone, Debug)]
pub struct PublicKey {
    spki_der: Vec<u8>,
    key: VerifyingKey,
}

impl PublicKey {
    fn from_spki_der(spki_der: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_spki_der(Algorithm::EdDsa, spki_der).ok()?;
        Some(Self { spki_der: spki_der.to_vec(), key })
    }

    /// What tells keys apart: SHA-256 of the `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.spki_der)
    }

    /// Its PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        public_key_pem(&self.spki_der)
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature)
    }
}

/// The public keys that somebody trusts to sign statements.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Trusts each public key of a PEM text as well.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotPublic`] when it holds none, or another block.
    pub fn trust(&mut self, text: &str) -> Result<(), KeyError> {
        let blocks = pem::blocks("PUBLIC KEY", text).ok_or(KeyError::NotPublic)?;
        if blocks.is_empty() {
            return Err(KeyError::NotPublic);
        }
        for der in blocks {
            self.0.push(PublicKey::from_spki_der(&der).ok_or(KeyError::NotPublic)?);
        }
        Ok(())
    }

    /// The key of this id, if it is trusted.
    pub(crate) fn find(&self, id: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id().to_string() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.3 and 10.1.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn the_key_pair_of_rfc_8410_is_read_and_its_signature_verifies() {
        let key = StatementKey::from_pem(PRIVATE).expect("a private key");
        assert_eq!(key.public().to_pem(), PUBLIC);
        let mut trusted = TrustedKeys::default();
        trusted.trust(PUBLIC).expect("a public key");
        let public = trusted.find(&key.public().id().to_string()).expect("it is trusted");
        let signature = key.sign(b"message");
        assert!(public.verify(b"message", &signature));
        assert!(!public.verify(b"massage", &signature));
    }

    #[test]
    fn a_fresh_key_reads_back_from_its_pem() {
        let (key, pem) = StatementKey::generate().expect("a key");
        let read = StatementKey::from_pem(&pem).expect("it reads back");
        assert_eq!(read.public().id(), key.public().id());
        assert!(pem.lines().all(|line| line.len() <= 64), "lines are short");
    }

    #[test]
    fn several_keys_are_trusted_from_one_file() {
        let (other, _) = StatementKey::generate().expect("a key");
        let mut trusted = TrustedKeys::default();
        trusted.trust(&format!("old:\n{PUBLIC}new:\n{}", other.public().to_pem())).expect("two keys");
        assert!(trusted.find(&other.public().id().to_string()).is_some());
        assert!(trusted.find("another").is_none());
    }

    #[test]
    fn what_is_no_such_key_is_refused_and_not_repeated() {
        for text in [
            "",
            PUBLIC,
            &PRIVATE.replace("MC4C", "MC4D"),
            &PRIVATE.replace("END", "ENDE"),
            &PRIVATE.repeat(2),
        ] {
            let error = StatementKey::from_pem(text).expect_err(text);
            assert_eq!(error, KeyError::NotPrivate);
            assert!(!error.to_string().contains("MC4"));
        }
        for text in ["", PRIVATE, &PUBLIC.replace("MCow", "MCox"), &PUBLIC.replace("ZuE=", "")] {
            assert_eq!(TrustedKeys::default().trust(text), Err(KeyError::NotPublic), "{text}");
        }
    }

    #[test]
    fn debug_of_a_statement_key_shows_its_public_half_only() {
        let (key, pem) = StatementKey::generate().expect("a key");
        let secret = pem.lines().nth(1).expect("the key");
        let text = format!("{key:?}");
        assert!(text.contains(&key.public().id().to_string()) && !text.contains(secret), "{text}");
    }
}
