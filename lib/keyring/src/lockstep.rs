//! RS256 by the kernel: several records at once, on processors that can.

use std::fmt;

use aws_lc_rs::digest;
use chancery_kernel::{Kernel, LANES, Parts, PrivateKey, SignError, encode_pkcs1_sha256};
use rsa::pkcs1::RsaPrivateKey;
use rsa::pkcs8::PrivateKeyInfo;

/// A key that the kernel takes, on a processor that has what the kernel needs.
pub(crate) struct Lockstep {
    kernel: Kernel,
    key: PrivateKey,
}

impl Lockstep {
    /// How many records at a time.
    pub(crate) const RECORDS: usize = LANES;

    /// Eight lanes take as long as three to four signatures of AWS-LC, however many of them are used.
    pub(crate) const LEAST: u64 = 4;

    /// The key for the kernel, or none where AWS-LC signs alone: the processor lacks the instructions, or the key is
    /// of a kind that the kernel is not made for. `pkcs8` was checked by AWS-LC.
    pub(crate) fn open(pkcs8: &[u8]) -> Option<Self> {
        let kernel = Kernel::available()?;
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

    /// Appends the signature of each payload, in the same order, or nothing on an error.
    pub(crate) fn sign(&self, payloads: &[&[u8]], out: &mut Vec<u8>) -> Result<(), SignError> {
        let len = self.key.signature_len();
        let mut messages = Vec::with_capacity(payloads.len() * len);
        for payload in payloads {
            let mut sha256 = [0; digest::SHA256_OUTPUT_LEN];
            sha256.copy_from_slice(digest::digest(&digest::SHA256, payload).as_ref());
            encode_pkcs1_sha256(&sha256, len, &mut messages);
        }
        self.kernel.sign(&self.key, &messages, out)
    }
}

impl fmt::Debug for Lockstep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockstep").finish_non_exhaustive()
    }
}
