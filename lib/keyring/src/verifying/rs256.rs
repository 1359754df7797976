//! RS256, by the library that did not sign.

use aws_lc_rs::digest::{Digest as AwsDigest, SHA256};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use chancery_kernel::{PublicKey, encode_pkcs1_sha256};
use rsa::RsaPublicKey;
use rsa::sha2::{Digest as _, Sha256};
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::traits::PublicKeyParts as _;

use super::{PublicKeyError, malformed};
use crate::{Algorithm, Library};

/// A public key as three libraries have it.
#[derive(Clone)]
pub(super) struct Rs256 {
    rsa: rsa::pkcs1v15::VerifyingKey<Sha256>,
    aws_lc_rs: ParsedPublicKey,
    /// None for a key with another public exponent than the one that all keys of a ring are made with.
    kernel: Option<PublicKey>,
}

impl Rs256 {
    pub(super) fn new(key: RsaPublicKey, spki_der: &[u8]) -> Result<Self, PublicKeyError> {
        let aws_lc_rs = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki_der)
            .map_err(malformed(Algorithm::Rs256))?;
        let kernel = PublicKey::new(&key.n().to_bytes_be(), &key.e().to_bytes_be()).ok();
        Ok(Self { rsa: rsa::pkcs1v15::VerifyingKey::new(key), aws_lc_rs, kernel })
    }

    pub(super) fn rsa(&self) -> &RsaPublicKey {
        self.rsa.as_ref()
    }

    /// By `rsa`, which signs nothing.
    pub(super) fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        // The digest here, because `Verifier` copies the key's prefix for each signature.
        rsa::pkcs1v15::Signature::try_from(signature)
            .and_then(|signature| self.rsa.verify_prehash(&Sha256::digest(payload), &signature))
            .is_ok()
    }

    /// Digests are another library's than those that were signed, too: AWS-LC's.
    pub(super) fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let each = |verify: &dyn Fn(&[u8], &[u8]) -> bool| {
            pairs.iter().map(|(payload, signature)| verify(payload, signature)).collect()
        };
        match (made_by, &self.kernel) {
            (Library::Kernel, _) => each(&|payload, signature| self.by_aws_lc(payload, signature)),
            (Library::AwsLcRs | Library::K256 | Library::Secp256k1, Some(key)) => by_the_kernel(key, pairs),
            (Library::AwsLcRs | Library::K256 | Library::Secp256k1, None) => {
                each(&|payload, signature| self.verify(payload, signature))
            }
        }
    }

    fn by_aws_lc(&self, payload: &[u8], signature: &[u8]) -> bool {
        AwsDigest::import_less_safe(&Sha256::digest(payload), &SHA256)
            .and_then(|digest| self.aws_lc_rs.verify_digest_sig(&digest, signature))
            .is_ok()
    }
}

fn by_the_kernel(key: &PublicKey, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
    let len = key.signature_len();
    let has_length = |signature: &[u8]| signature.len() == len;
    let mut messages = Vec::with_capacity(pairs.len() * len);
    let mut signatures = Vec::with_capacity(pairs.len() * len);
    for (payload, signature) in pairs.iter().filter(|(_, signature)| has_length(signature)) {
        encode_pkcs1_sha256(&Sha256::digest(payload).into(), len, &mut messages);
        signatures.extend_from_slice(signature);
    }
    let mut verdicts = key.verify(&messages, &signatures).into_iter();
    pairs.iter().map(|(_, signature)| has_length(signature) && verdicts.next().unwrap_or(false)).collect()
}
