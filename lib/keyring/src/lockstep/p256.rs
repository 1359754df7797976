//! ES256.

use std::sync::OnceLock;

use chancery_kernel::{Kernel, LANES, P256Key, SignError};
use rsa::pkcs8::PrivateKeyInfo;
use rsa::sha2::{Digest as _, Sha256};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::{BatchOutcome, Frame};

/// Bytes of a private key, and of a coordinate.
const BYTES: usize = 32;

/// Bytes of a point that is not compressed, with the byte before x and y that says so.
const POINT_BYTES: usize = 1 + 2 * BYTES;

pub(crate) struct P256 {
    kernel: Kernel,
    // In a box, because what it would be moved out of is not overwritten.
    scalar: Box<Zeroizing<[u8; BYTES]>>,
    /// x and y, as AWS-LC has them.
    public_key: [u8; 2 * BYTES],
    /// Made when it is first signed with: a batch of fewer than [`P256::LEAST`] records has no use for it. None if the kernel makes
    /// another public key of the scalar.
    key: OnceLock<Option<P256Key>>,
}

impl P256 {
    /// Records whose digests are in memory at a time: what the kernel costs once per call is little beside so many.
    const AT_ONCE: usize = 64 * LANES;

    /// To prepare a key and to sign eight takes as long as seven signatures of AWS-LC, however many of the lanes are used; nine, in two
    /// eights, take as long as nine.
    pub(super) const LEAST: u64 = 8;

    /// None if the scalar is not where [RFC 5915](https://www.rfc-editor.org/rfc/rfc5915#section-3) has it.
    pub(super) fn open(kernel: Kernel, pkcs8: &[u8], public_key: &[u8]) -> Option<Self> {
        // Both only point into `pkcs8`: nothing is computed with a private key here.
        let info = PrivateKeyInfo::try_from(pkcs8).ok()?;
        let parsed = EcPrivateKey::try_from(info.private_key).ok()?;
        let mut scalar = Box::new(Zeroizing::new([0; BYTES]));
        if parsed.private_key.len() != BYTES {
            return None;
        }
        scalar.copy_from_slice(parsed.private_key);
        let [4, x_and_y @ ..] = public_key.last_chunk::<POINT_BYTES>()? else { return None };
        Some(Self { kernel, scalar, public_key: *x_and_y, key: OnceLock::new() })
    }

    /// As [`Lockstep::sign_while`](super::Lockstep::sign_while). Audits hash what comes out by AWS-LC, and so this does not.
    pub(super) fn sign_while<'a>(
        &self,
        frame: &Frame,
        mut payloads: impl Iterator<Item = &'a [u8]>,
        still_ours: &mut dyn FnMut() -> bool,
        out: &mut Vec<u8>,
    ) -> Result<BatchOutcome, SignError> {
        let make = || {
            let key = P256Key::new(self.kernel, &self.scalar);
            (key.public_key() == self.public_key).then_some(key)
        };
        // Twice: a fault of a moment would else be kept as long as the key is.
        let key = self.key.get_or_init(|| make().or_else(make)).as_ref().ok_or(SignError::Fault)?;
        let mut digests: Vec<[u8; 32]> = Vec::with_capacity(payloads.size_hint().0.min(Self::AT_ONCE));
        let (mut signed, mut space) = (0, Vec::new());
        loop {
            digests.clear();
            for payload in payloads.by_ref().take(Self::AT_ONCE) {
                digests.push(Sha256::digest(frame.signing_input(payload, &mut space)).into());
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
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;
    use crate::{Algorithm, Envelope, Form};

    /// The private key, and the public one.
    fn documents() -> (Vec<u8>, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn nothing_is_signed_if_the_public_key_is_not_that_of_the_scalar() {
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
        // −Q has the same x.
        let mut negative = own;
        negative[64] ^= 1;
        assert_eq!(sign(&negative), (Err(SignError::Fault), 0));
    }

    #[test]
    fn what_has_no_scalar_where_it_belongs_is_left_to_the_other_library() {
        let Some(kernel) = Kernel::available() else { return };
        let (pkcs8, public_key) = documents();
        assert!(P256::open(kernel, &pkcs8, &public_key).is_some());
        // Before the scalar: SEQUENCE, its length, the version, OCTET STRING, its length. Behind it: the point.
        let scalar = pkcs8.len() - POINT_BYTES - 5 - BYTES;
        for place in [0, scalar - 7, scalar - 6, scalar - 3, scalar - 2, scalar - 1, scalar + BYTES + 1] {
            let mut other = pkcs8.clone();
            other[place] ^= 1;
            assert!(P256::open(kernel, &other, &public_key).is_none(), "byte {place}");
        }
        for length in 0..pkcs8.len() {
            assert!(P256::open(kernel, &pkcs8[..length], &public_key).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn a_scalar_of_another_length_is_left_to_the_other_library() {
        let Some(kernel) = Kernel::available() else { return };
        let (_, public_key) = documents();
        let document = |bytes: u8| {
            let mut key = vec![0x30, bytes + 5, 2, 1, 1, 4, bytes];
            key.resize(key.len() + usize::from(bytes), 7);
            let head = b"\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
            [&[0x30, bytes + 33], &head[..], &[4, bytes + 7], &key].concat()
        };
        for bytes in [0, 1, 31, 32, 33, 48] {
            let is_taken = P256::open(kernel, &document(bytes), &public_key).is_some();
            assert_eq!(is_taken, bytes == 32, "{bytes} bytes");
        }
    }

    #[test]
    fn a_public_key_that_is_no_whole_point_is_left_to_the_other_library() {
        let Some(kernel) = Kernel::available() else { return };
        let (pkcs8, public_key) = documents();
        assert!(P256::open(kernel, &pkcs8, &public_key[1..]).is_none());
        let compressed = [&[2], &public_key[1..]].concat();
        assert!(P256::open(kernel, &pkcs8, &compressed).is_none());
    }
}
