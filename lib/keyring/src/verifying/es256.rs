//! ES256, by a library that did not sign.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;

use super::{PublicKeyError, malformed};
use crate::{Algorithm, Library};

/// A public key as two libraries have it.
#[derive(Clone)]
pub(super) struct Es256 {
    p256: VerifyingKey,
    aws_lc_rs: ParsedPublicKey,
}

impl Es256 {
    pub(super) fn new(spki_der: &[u8]) -> Result<Self, PublicKeyError> {
        let p256 = VerifyingKey::from_public_key_der(spki_der).map_err(malformed(Algorithm::Es256))?;
        let aws_lc_rs =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki_der).map_err(malformed(Algorithm::Es256))?;
        Ok(Self { p256, aws_lc_rs })
    }

    /// By `p256`, which signs nothing.
    pub(super) fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).and_then(|signature| self.p256.verify(input, &signature)).is_ok()
    }

    /// Digests are another library's than those that were signed, too: AWS-LC's of what the kernel signed, else those of `sha2`.
    pub(super) fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let each = |verify: &dyn Fn(&[u8], &[u8]) -> bool| {
            pairs.iter().map(|(input, signature)| verify(input, signature)).collect()
        };
        match made_by {
            Library::Kernel => each(&|input, signature| self.by_aws_lc(input, signature)),
            Library::AwsLcRs | Library::K256 | Library::Secp256k1 => {
                each(&|input, signature| self.verify(input, signature))
            }
        }
    }

    fn by_aws_lc(&self, input: &[u8], signature: &[u8]) -> bool {
        self.aws_lc_rs.verify_sig(input, signature).is_ok()
    }
}
