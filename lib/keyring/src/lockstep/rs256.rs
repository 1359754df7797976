//! RS256.

use aws_lc_rs::digest;
use chancery_kernel::{Kernel, LANES, Parts, PrivateKey, SignError, encode_pkcs1_sha256};
use rsa::pkcs1::RsaPrivateKey;
use rsa::pkcs8::PrivateKeyInfo;

use crate::{BatchOutcome, Frame};

pub(crate) struct Rs256 {
    kernel: Kernel,
    key: PrivateKey,
}

impl Rs256 {
    /// Records whose encoded messages are in memory at a time. What the kernel costs once per call, such as overwriting its memory, is
    /// little beside so many, and the messages of keys of 2048 bits fit into the second cache.
    const AT_ONCE: usize = 64 * LANES;

    /// Eight lanes take as long as three to four signatures of AWS-LC, however many of them are used.
    pub(super) const LEAST: u64 = 4;

    /// None of a key of a kind that the kernel is not made for.
    pub(super) fn open(kernel: Kernel, pkcs8: &[u8]) -> Option<Self> {
        let info = PrivateKeyInfo::try_from(pkcs8).ok()?;
        // It only points into `pkcs8`: nothing is computed with a private key here.
        let parsed = RsaPrivateKey::try_from(info.private_key).ok()?;
        let key = PrivateKey::new(&Parts {
            n: parsed.modulus.as_bytes(),
            e: parsed.public_exponent.as_bytes(),
            p: parsed.prime1.as_bytes(),
            q: parsed.prime2.as_bytes(),
            dp: parsed.exponent1.as_bytes(),
            dq: parsed.exponent2.as_bytes(),
            qinv: parsed.coefficient.as_bytes(),
        });
        key.ok().map(|key| Self { kernel, key })
    }

    /// As [`Lockstep::sign_while`](super::Lockstep::sign_while).
    pub(super) fn sign_while<'a>(
        &self,
        frame: &Frame,
        mut payloads: impl Iterator<Item = &'a [u8]>,
        still_ours: &mut dyn FnMut() -> bool,
        out: &mut Vec<u8>,
    ) -> Result<BatchOutcome, SignError> {
        let len = self.key.signature_len();
        let most = payloads.size_hint().1.unwrap_or(Self::AT_ONCE).min(Self::AT_ONCE);
        let mut messages = Vec::with_capacity(most * len);
        let (mut signed, mut space) = (0, Vec::new());
        loop {
            messages.clear();
            for payload in payloads.by_ref().take(Self::AT_ONCE) {
                let mut sha256 = [0; digest::SHA256_OUTPUT_LEN];
                let input = frame.signing_input(payload, &mut space);
                sha256.copy_from_slice(digest::digest(&digest::SHA256, input).as_ref());
                encode_pkcs1_sha256(&sha256, len, &mut messages);
            }
            if messages.is_empty() {
                return Ok(BatchOutcome::Complete);
            }
            let now = self.kernel.sign_while(&self.key, &messages, still_ours, out)?;
            signed += now;
            if now < messages.len() / len {
                return Ok(BatchOutcome::Stopped { signed });
            }
        }
    }
}
