//! The private key as the library has it that signs with it.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};

use crate::es256k::Secp256k1;
use crate::{Algorithm, Envelope, Form, Library};

/// Bytes of a signature by EdDSA ([RFC 8032, section 5.1.6](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.6)).
const ED25519_SIGNATURE_BYTES: usize = 64;

// Every pair is a handle to a key that was parsed once: signing parses nothing. AWS-LC has no
// call that writes into the caller's memory but for RSA and ML-DSA, so each signature costs a few short-lived
// allocations inside aws-lc-rs. To hash first and call `sign_digest` is some 8 % slower for RSA
// and no faster for ES256.
pub(super) enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    /// On P-256 or P-384, with the bytes of a signature.
    Ec(EcdsaKeyPair, usize),
    Secp256k1(Secp256k1),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl Pair {
    pub(super) fn open(form: &Form, pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(pair, encoding))
        };
        let ec = |algorithm: &'static EcdsaSigningAlgorithm, bytes| {
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map(|pair| Self::Ec(pair, bytes))
        };
        let ml_dsa = |algorithm: &'static PqdsaSigningAlgorithm| {
            PqdsaKeyPair::from_pkcs8(algorithm, pkcs8).map(Self::MlDsa)
        };
        match form.algorithm() {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            // RFC 7518, section 3.4.
            Algorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, 64),
            Algorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, 96),
            Algorithm::Es256k => {
                let is_recoverable = form.envelope() == Envelope::Eip191;
                Secp256k1::open(pkcs8, is_recoverable).map(Self::Secp256k1)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
            Algorithm::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING),
            Algorithm::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING),
            Algorithm::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING),
        }
    }

    /// The public key, a `SubjectPublicKeyInfo` in DER.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        let der = match self {
            Self::Rsa(pair, _) => pair.public_key().as_der(),
            Self::Ec(pair, _) => pair.public_key().as_der(),
            Self::Secp256k1(key) => return Some(key.public_key().to_vec()),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::MlDsa(pair) => pair.public_key().as_der(),
        };
        Some(der.ok()?.as_ref().to_vec())
    }

    pub(super) fn signature_len(&self) -> usize {
        match self {
            Self::Rsa(pair, _) => pair.public_modulus_len(),
            Self::Ec(_, bytes) => *bytes,
            Self::Secp256k1(key) => key.signature_len(),
            Self::Ed25519(_) => ED25519_SIGNATURE_BYTES,
            Self::MlDsa(pair) => pair.algorithm().signature_len(),
        }
    }

    /// What signs.
    pub(super) const fn library(&self) -> Library {
        match self {
            Self::Secp256k1(_) => Library::Secp256k1,
            Self::Rsa(..) | Self::Ec(..) | Self::Ed25519(_) | Self::MlDsa(_) => Library::AwsLcRs,
        }
    }

    /// Appends the signature of a signing input.
    pub(super) fn sign(&self, input: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), Unspecified> {
        // aws-lc-rs takes its random bytes from AWS-LC, whatever it is given here.
        let random = SystemRandom::new();
        let before = out.len();
        match self {
            Self::Rsa(pair, encoding) => {
                out.resize(before + length, 0);
                pair.sign(*encoding, &random, input, &mut out[before..])
            }
            Self::Ec(pair, _) => {
                pair.sign(&random, input).map(|signature| out.extend_from_slice(signature.as_ref()))
            }
            Self::Secp256k1(key) => key.sign(input, out),
            Self::Ed25519(pair) => {
                pair.try_sign(input).map(|signature| out.extend_from_slice(signature.as_ref()))
            }
            Self::MlDsa(pair) => {
                out.resize(before + length, 0);
                pair.sign(input, &mut out[before..]).map(|_| ())
            }
        }
    }
}
