//! Keys in the clear, as the peers get them.

use anyhow::Context;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_keyring::Algorithm;

/// A private key in PKCS#8 and its public key in SubjectPublicKeyInfo, both in DER.
pub(super) type Documents = (Vec<u8>, Vec<u8>);

/// A fresh key: RSA has 2,048 bits.
pub(super) fn new_key(algorithm: Algorithm) -> anyhow::Result<Documents> {
    let made = match algorithm {
        Algorithm::Rs256 => rsa(),
        Algorithm::EdDsa => ed25519(),
        other => anyhow::bail!("the peers do not sign {other}"),
    };
    made.context("a key could not be made")
}

fn rsa() -> Result<Documents, Unspecified> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let private: Pkcs8V1Der<'_> = pair.as_der()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok((private.as_ref().to_vec(), public.as_ref().to_vec()))
}

fn ed25519() -> Result<Documents, Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    // Version 1, without the public key, is what every library reads.
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok((pair.to_pkcs8v1()?.as_ref().to_vec(), public.as_ref().to_vec()))
}
