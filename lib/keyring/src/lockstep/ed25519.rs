//! EdDSA.

use std::sync::OnceLock;

use chancery_kernel::{Ed25519Key, Kernel, LANES, SignError};
use rsa::pkcs8::PrivateKeyInfo;
use zeroize::Zeroizing;

use crate::messages::Messages;
use crate::{BatchOutcome, Frame};

/// Bytes of a seed, and of a public key.
const BYTES: usize = 32;

pub(crate) struct Ed25519 {
    kernel: Kernel,
    // In a box, because what it would be moved out of is not overwritten.
    seed: Box<Zeroizing<[u8; BYTES]>>,
    /// As AWS-LC has it.
    public_key: [u8; BYTES],
    /// Made when it is first signed with: a batch of fewer than [`Ed25519::LEAST`] records has no use for it. None if the kernel makes
    /// another public key of the seed.
    key: OnceLock<Option<Ed25519Key>>,
}

impl Ed25519 {
    /// Records whose signing inputs are in memory at a time, if they are small: what the kernel costs once per call is little beside so many.
    const AT_ONCE: usize = 64 * LANES;

    /// Bytes of signing inputs in memory at a time; the last of them may be longer.
    const BYTES_AT_ONCE: usize = 256 << 10;

    /// To prepare a key and to sign eight takes as long as six signatures of AWS-LC, however many of the lanes are used; nine, in two
    /// eights, take as long as eight and a half.
    pub(super) const LEAST: u64 = 8;

    /// None if the seed is not where [RFC 8410, section 7](https://www.rfc-editor.org/rfc/rfc8410#section-7) has it.
    pub(super) fn open(kernel: Kernel, pkcs8: &[u8], public_key: &[u8]) -> Option<Self> {
        // It only points into `pkcs8`: nothing is computed with a private key here.
        let info = PrivateKeyInfo::try_from(pkcs8).ok()?;
        let mut seed = Box::new(Zeroizing::new([0; BYTES]));
        // The DER of an OCTET STRING.
        let [4, 32, octets @ ..] = info.private_key else { return None };
        if octets.len() != BYTES {
            return None;
        }
        seed.copy_from_slice(octets);
        let public_key = *public_key.last_chunk()?;
        Some(Self { kernel, seed, public_key, key: OnceLock::new() })
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
            let key = Ed25519Key::new(self.kernel, &self.seed);
            (key.public_key() == self.public_key).then_some(key)
        };
        // Twice: a fault of a moment would else be kept as long as the key is.
        let key = self.key.get_or_init(|| make().or_else(make)).as_ref().ok_or(SignError::Fault)?;
        let mut inputs = Messages::with_capacity(payloads.size_hint().0.min(Self::AT_ONCE), 0);
        let mut signed = 0;
        loop {
            inputs.clear();
            while inputs.len() < Self::AT_ONCE
                && inputs.bytes() < Self::BYTES_AT_ONCE
                && let Some(payload) = payloads.next()
            {
                inputs.push(|input| frame.append_signing_input(payload, input));
            }
            if inputs.len() == 0 {
                return Ok(BatchOutcome::Complete);
            }
            let messages: Vec<&[u8]> = inputs.iter().collect();
            let now = self.kernel.sign_ed25519_while(key, &messages, still_ours, out)?;
            signed += now;
            if now < messages.len() {
                return Ok(BatchOutcome::Stopped { signed });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;
    use crate::{Algorithm, Envelope, Form};

    /// The private key, and the public one.
    fn documents() -> (Vec<u8>, Vec<u8>) {
        let pair = Ed25519KeyPair::generate().unwrap();
        (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn nothing_is_signed_if_the_public_key_is_not_that_of_the_seed() {
        let Some(kernel) = Kernel::available() else { return };
        let ((pkcs8, own), (_, other)) = (documents(), documents());
        let form = Form::new(Algorithm::EdDsa, Envelope::Raw, None).unwrap();
        let frame = Frame::new(&form, &own).unwrap();
        let sign = |public_key: &[u8]| {
            let key = Ed25519::open(kernel, &pkcs8, public_key).unwrap();
            let mut signatures = Vec::new();
            let payloads = [b"payload".as_slice(); 9];
            let signed = key.sign_while(&frame, payloads.into_iter(), &mut || true, &mut signatures);
            (signed, signatures.len())
        };
        assert_eq!(sign(&own), (Ok(BatchOutcome::Complete), 9 * 64));
        assert_eq!(sign(&other), (Err(SignError::Fault), 0));
    }

    #[test]
    fn what_has_no_seed_where_it_belongs_is_left_to_the_other_library() {
        let Some(kernel) = Kernel::available() else { return };
        let (pkcs8, public_key) = documents();
        for (place, bits) in [(pkcs8.len() - 34, 1), (pkcs8.len() - 33, 1), (0, 1)] {
            let mut other = pkcs8.clone();
            other[place] ^= bits;
            assert!(Ed25519::open(kernel, &other, &public_key).is_none(), "byte {place}");
        }
        assert!(Ed25519::open(kernel, &pkcs8, &public_key[1..]).is_none());
    }
}
