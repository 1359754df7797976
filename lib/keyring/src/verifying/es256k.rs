//! ES256K, by whichever of libsecp256k1 and `k256` did not sign.

use chancery_kernel::Keccak256;
use rsa::sha2::{Digest as _, Sha256};
use tiny_keccak::{Hasher as _, Keccak};

use super::by_k256::{ByK256, Claim};
use super::by_libsecp256k1::ByLibsecp256k1;
use super::{PublicKeyError, malformed};
use crate::es256k::LEAST_V;
use crate::{Algorithm, Library};

/// What stands before the point in a `SubjectPublicKeyInfo`: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256k1 }, BIT STRING … }.
const HEAD: &[u8] =
    b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00";

/// A public key on secp256k1, as two libraries have it.
#[derive(Clone)]
pub(super) struct Es256k {
    libsecp256k1: ByLibsecp256k1,
    k256: ByK256,
    /// Whether its signatures are over Keccak-256 and say which key they are of.
    is_recoverable: bool,
}

impl Es256k {
    pub(super) fn new(spki_der: &[u8], is_recoverable: bool) -> Result<Self, PublicKeyError> {
        let point = spki_der.strip_prefix(HEAD).and_then(|point| <[u8; 65]>::try_from(point).ok());
        let point = point.ok_or(secp256k1::Error::InvalidPublicKey).map_err(malformed(Algorithm::Es256k))?;
        Ok(Self {
            libsecp256k1: ByLibsecp256k1::new(point).map_err(malformed(Algorithm::Es256k))?,
            k256: ByK256::new(&point).map_err(malformed(Algorithm::Es256k))?,
            is_recoverable,
        })
    }

    pub(super) fn for_many(self) -> Self {
        Self { k256: self.k256.for_many(), ..self }
    }

    /// By both, because one of them is not the one that signed.
    pub(super) fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        let pair = [(input, signature)];
        self.by_libsecp256k1(&pair) == [true] && self.by_k256(&pair) == [true]
    }

    pub(super) fn verify_batch(&self, made_by: Library, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        match made_by {
            Library::K256 => self.by_libsecp256k1(pairs),
            Library::Secp256k1 => self.by_k256(pairs),
            // Neither signs with such a key.
            Library::AwsLcRs | Library::Kernel => {
                pairs.iter().map(|(input, signature)| self.verify(input, signature)).collect()
            }
        }
    }

    fn by_libsecp256k1(&self, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let verdict = |(digest, (_, signature)): ([u8; 32], &(&[u8], &[u8]))| {
            self.parts(signature).is_some_and(|(compact, y_is_odd)| match y_is_odd {
                None => self.libsecp256k1.verify(digest, compact),
                Some(odd) => self.libsecp256k1.recovers(digest, compact, odd),
            })
        };
        self.digests(pairs).into_iter().zip(pairs).map(verdict).collect()
    }

    fn by_k256(&self, pairs: &[(&[u8], &[u8])]) -> Vec<bool> {
        let claim = |(digest, (_, signature)): ([u8; 32], &(&[u8], &[u8]))| {
            let (compact, y_is_odd) = self.parts(signature)?;
            Claim::new(digest, compact, y_is_odd)
        };
        self.k256.verify(&self.digests(pairs).into_iter().zip(pairs).map(claim).collect::<Vec<_>>())
    }

    fn digests(&self, pairs: &[(&[u8], &[u8])]) -> Vec<[u8; 32]> {
        let inputs = pairs.iter().map(|(input, _)| *input);
        // One alone is hashed sooner without the other lanes.
        match Keccak256::available().filter(|_| pairs.len() > 1) {
            _ if !self.is_recoverable => inputs.map(|input| Sha256::digest(input).into()).collect(),
            Some(keccak) => keccak.digests(&inputs.collect::<Vec<_>>()),
            None => inputs.map(keccak256).collect(),
        }
    }

    /// r‖s, and what v says of the parity of y; none if v is neither of both.
    fn parts<'s>(&self, signature: &'s [u8]) -> Option<(&'s [u8], Option<bool>)> {
        if !self.is_recoverable {
            return Some((signature, None));
        }
        let (v, compact) = signature.split_last()?;
        match v.checked_sub(LEAST_V)? {
            v @ 0..=1 => Some((compact, Some(v == 1))),
            _ => None,
        }
    }
}

/// Of one alone, or where the kernel's is not available.
fn keccak256(input: &[u8]) -> [u8; 32] {
    let (mut keccak, mut digest) = (Keccak::v256(), [0; 32]);
    keccak.update(input);
    keccak.finalize(&mut digest);
    digest
}

#[cfg(test)]
mod tests {
    use sha3::{Digest as _, Keccak256};

    use super::keccak256;

    #[test]
    fn digests_where_the_kernel_has_none_are_those_of_what_signs() {
        for length in [0, 1, 135, 136, 137, 284, 1_000] {
            let input = vec![0xa5; length];
            assert_eq!(keccak256(&input), <[u8; 32]>::from(Keccak256::digest(&input)), "{length} bytes");
        }
    }
}
