//! Signing with the one or the other library.

use anyhow::{Context, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as AwsLcRsa;
use aws_lc_rs::signature::{Ed25519KeyPair as AwsLcEd25519, RSA_PKCS1_SHA256};
use ed25519_dalek::SigningKey as DalekEd25519;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use rsa::pkcs1v15::SigningKey as RustRsa;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding as _, Signer as _};

/// Whose arithmetic signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// The crates `rsa` and `ed25519-dalek`.
    RustCrypto,
    /// `aws-lc-rs`.
    AwsLc,
}

/// An opened key.
pub(super) enum Signer {
    RustRsa(Box<RustRsa<Sha256>>),
    RustEd25519(Box<DalekEd25519>),
    AwsLcRsa(AwsLcRsa),
    AwsLcEd25519(AwsLcEd25519),
}

impl Signer {
    pub(super) fn open(library: Library, algorithm: &str, pkcs8: &[u8]) -> anyhow::Result<Self> {
        Ok(match (library, algorithm) {
            (Library::RustCrypto, "RS256") => Self::RustRsa(Box::new(RustRsa::from_pkcs8_der(pkcs8)?)),
            (Library::RustCrypto, "EdDSA") => {
                Self::RustEd25519(Box::new(DalekEd25519::from_pkcs8_der(pkcs8)?))
            }
            (Library::AwsLc, "RS256") => Self::AwsLcRsa(AwsLcRsa::from_pkcs8(pkcs8)?),
            (Library::AwsLc, "EdDSA") => Self::AwsLcEd25519(AwsLcEd25519::from_pkcs8_maybe_unchecked(pkcs8)?),
            (_, other) => bail!("{other} is not signed here"),
        })
    }

    pub(super) fn sign(&self, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
        match self {
            // Without blinding, which only costs time.
            Self::RustRsa(key) => Ok(key.try_sign(payload)?.to_vec()),
            Self::RustEd25519(key) => {
                Ok(ed25519_dalek::Signer::try_sign(key.as_ref(), payload)?.to_bytes().to_vec())
            }
            Self::AwsLcRsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), payload, &mut signature).context("RSA")?;
                Ok(signature)
            }
            Self::AwsLcEd25519(key) => Ok(key.sign(payload).as_ref().to_vec()),
        }
    }
}
