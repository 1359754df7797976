//! ES256.

use std::sync::OnceLock;

use aws_lc_rs::digest;
use chancery_kernel::{Kernel, LANES, P256Key, SignError};
use rsa::pkcs8::PrivateKeyInfo;
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::{BatchOutcome, Frame};

/// Bytes of a private key, and of each coordinate of a public one.
const BYTES: usize = 32;

pub(crate) struct P256 {
    kernel: Kernel,
    // In a box, because what it would be moved out of is not overwritten.
    d: Box<Zeroizing<[u8; BYTES]>>,
    /// x and y, as AWS-LC has them.
    public_key: [u8; 2 * BYTES],
    /// Made when it is first signed with: a batch of fewer than [`P256::LEAST`] records has no use for it. None if the kernel makes
    /// another public key of the private one.
    key: OnceLock<Option<P256Key>>,
}

impl P256 {
    /// Records whose digests are in memory at a time: what the kernel costs once per call is little beside so many.
    const AT_ONCE: usize = 64 * LANES;

    /// To prepare a key and to sign eight takes as long as seven signatures of AWS-LC, however many of the lanes are used.
    pub(super) const LEAST: u64 = 8;

    /// None if the private key is not where [RFC 5915](https://www.rfc-editor.org/rfc/rfc5915#section-3) has it.
    pub(super) fn open(kernel: Kernel, pkcs8: &[u8], public_key: &[u8]) -> Option<Self> {
        // Both only point into `pkcs8`: nothing is computed with a private key here.
        let info = PrivateKeyInfo::try_from(pkcs8).ok()?;
        let parsed = EcPrivateKey::try_from(info.private_key).ok()?;
        let mut d = Box::new(Zeroizing::new([0; BYTES]));
        if parsed.private_key.len() != BYTES {
            return None;
        }
        d.copy_from_slice(parsed.private_key);
        let public_key = *public_key.last_chunk()?;
        Some(Self { kernel, d, public_key, key: OnceLock::new() })
    }

    /// As [`Lockstep::sign_while`](super::Lockstep::sign_while).
    pub(super) fn sign_while<'a>(
        &self,
        frame: &Frame,
        mut payloads: impl Iterator<Item = &'a [u8]>,
        still_ours: &mut dyn FnMut() -> bool,
        out: &mut Vec<u8>,
    ) -> Result<BatchOutcome, SignError> {
        let make = || {
            let key = P256Key::new(self.kernel, &self.d);
            (key.public_key() == self.public_key).then_some(key)
        };
        let key = self.key.get_or_init(make).as_ref().ok_or(SignError::Fault)?;
        let (mut digests, mut space) = (Vec::new(), Vec::new());
        let mut signed = 0;
        loop {
            digests.clear();
            for payload in payloads.by_ref().take(Self::AT_ONCE) {
                let mut sha256 = [0; digest::SHA256_OUTPUT_LEN];
                let input = frame.signing_input(payload, &mut space);
                sha256.copy_from_slice(digest::digest(&digest::SHA256, input).as_ref());
                digests.push(sha256);
            }
            if digests.is_empty() {
                return Ok(BatchOutcome::Complete);
            }
            let now = self.kernel.sign_p256_while(key, &digests, still_ours, out)?;
            signed += now;
            if now < digests.len() {
                return Ok(BatchOutcome::Stopped { signed });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;
    use crate::{Algorithm, Envelope, Form};

    /// The private key, and the public one.
    fn documents() -> (Vec<u8>, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public_key = pair.public_key().as_der().unwrap().as_ref().to_vec();
        (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), public_key)
    }

    #[test]
    fn nothing_is_signed_if_the_public_key_is_not_that_of_the_private_one() {
        let Some(kernel) = Kernel::available() else { return };
        let ((pkcs8, own), (_, other)) = (documents(), documents());
        let form = Form::new(Algorithm::Es256, Envelope::Raw, None).unwrap();
        let frame = Frame::new(&form, &own).unwrap();
        let sign = |public_key: &[u8]| {
            let key = P256::open(kernel, &pkcs8, public_key).unwrap();
            let mut signatures = Vec::new();
            let payloads = [b"payload".as_slice(); 9];
            let signed = key.sign_while(&frame, payloads.into_iter(), &mut || true, &mut signatures);
            (signed, signatures.len())
        };
        assert_eq!(sign(&own), (Ok(BatchOutcome::Complete), 9 * 64));
        assert_eq!(sign(&other), (Err(SignError::Fault), 0));
    }

    #[test]
    fn what_has_no_private_key_where_it_belongs_is_left_to_the_other_library() {
        let Some(kernel) = Kernel::available() else { return };
        let (pkcs8, public_key) = documents();
        // The SEQUENCE within, its version, and the head of the OCTET STRING.
        let inner = pkcs8.windows(7).position(|bytes| bytes == b"\x30\x6b\x02\x01\x01\x04\x20").unwrap();
        for place in [0, inner, inner + 4, inner + 5, inner + 6] {
            let mut other = pkcs8.clone();
            other[place] ^= 1;
            assert!(P256::open(kernel, &other, &public_key).is_none(), "byte {place}");
        }
        assert!(P256::open(kernel, &pkcs8, &public_key[..63]).is_none());
    }
}
