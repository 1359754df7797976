//! Verifying: a public key, and many signatures of it.

use crate::key::{ModulusDigits, Size, public_parts};
use crate::key_error::KeyError;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Ifma;
use crate::lanes::{LANES, Lanes};
use crate::montgomery::Modulus;
use crate::number::{Number, is_below, is_equal, read_eight};
use crate::private::public;
use crate::sign::Kernel;
use crate::words::{self, Words};

/// A public RSA key of 2048, 3072 or 4096 bits with the exponent 65537, ready to verify.
#[derive(Clone)]
pub struct PublicKey {
    size: Size,
    /// For lanes.
    n: ModulusDigits,
    words: Words,
    /// −1/n modulo 2⁶⁴.
    inverse: u64,
    /// 2^(twice n's bits) modulo n.
    r2: Words,
}

impl PublicKey {
    /// Prepares a key of its parts in network order, before which zeros may stand.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the kernel cannot verify with such a key.
    pub fn new(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (size, n) = public_parts(n, e)?;
        let words = words::from_bytes(n);
        if words[0] & 1 == 0 {
            return Err(KeyError::Even);
        }
        let inverse = words::negative_inverse(&words, 1)[0];
        let r2 = words::Odd::new(&words, inverse).power_of_two(2 * n.len() * 8);
        Ok(Self { size, n: ModulusDigits::new(&words, 2 * size.prime_blocks()), words, inverse, r2 })
    }

    /// Bytes of the modulus and of every signature: 256, 384 or 512.
    #[must_use]
    pub const fn signature_len(&self) -> usize {
        self.size.bytes()
    }

    /// Whether each of `signatures`, raised to the public exponent, is the encoded message at the same place of `messages`
    /// ([RFC 8017, section 8.2.2](https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2)). Both are numbers of
    /// [`PublicKey::signature_len`] bytes, one straight after the other; of the longer ones, what is beyond the others
    /// is left out. A signature that is not below the modulus is none.
    ///
    /// Eight at a time where the processor has AVX-512 IFMA, one by one elsewhere: the verdicts are the same.
    #[must_use]
    pub fn verify(&self, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
        let len = self.signature_len();
        let count = messages.len().min(signatures.len()) / len;
        let (messages, signatures) = (&messages[..count * len], &signatures[..count * len]);
        match Kernel::available() {
            // Eight lanes cost as much as two or three by themselves.
            Some(kernel) if count > 2 => kernel.verify(self, messages, signatures),
            _ => self.verify_each(messages, signatures),
        }
    }

    /// [`PublicKey::verify`] with integers of 64 bits.
    pub(crate) fn verify_each(&self, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
        let len = self.signature_len();
        let odd = words::Odd::new(&self.words, self.inverse);
        let pairs = messages.chunks_exact(len).zip(signatures.chunks_exact(len));
        let verify = |(message, signature): (&[u8], &[u8])| {
            let signature = words::from_bytes(signature);
            if signature.iter().rev().ge(self.words.iter().rev()) {
                return false;
            }
            let mut power = odd.multiply(&signature, &self.r2);
            for _ in 0..16 {
                power = odd.multiply(&power, &power);
            }
            power = odd.multiply(&power, &signature);
            power == words::from_bytes(message)
        };
        pairs.map(verify).collect()
    }

    /// [`PublicKey::verify`] by one kind of lanes.
    #[inline(always)]
    pub(crate) fn verify_by<V: Lanes>(&self, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
        match self.size {
            Size::Rsa2048 => self.verify_sized::<V, 8>(messages, signatures),
            Size::Rsa3072 => self.verify_sized::<V, 12>(messages, signatures),
            Size::Rsa4096 => self.verify_sized::<V, 16>(messages, signatures),
        }
    }

    #[inline(always)]
    fn verify_sized<V: Lanes, const F: usize>(&self, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
        let len = self.signature_len();
        let n = Modulus::<V, F>::new(&self.n);
        let mut verdicts = Vec::with_capacity(signatures.len() / len);
        for (messages, signatures) in messages.chunks(LANES * len).zip(signatures.chunks(LANES * len)) {
            let message: Number<V, F> = read_eight(messages, len);
            let signature: Number<V, F> = read_eight(signatures, len);
            // Any number of n's length is below 2·n: small enough to be raised, even if that says nothing.
            let is_raised = is_equal(&public(&signature, &n), &message);
            let is_number = is_below(&signature, &n.number);
            let used = signatures.len() / len;
            verdicts.extend(is_raised.into_iter().zip(is_number).take(used).map(|(one, other)| one && other));
        }
        verdicts
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Kernel {
    fn verify(self, key: &PublicKey, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernel` exists only where the processor has what the function is compiled for.
        let verdicts = unsafe { verify_by_ifma(key, messages, signatures) };
        #[cfg(not(target_arch = "x86_64"))]
        let verdicts = key.verify_each(messages, signatures);
        verdicts
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn verify_by_ifma(key: &PublicKey, messages: &[u8], signatures: &[u8]) -> Vec<bool> {
    key.verify_by::<Ifma>(messages, signatures)
}
