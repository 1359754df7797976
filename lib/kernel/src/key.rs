//! A private key as the kernel wants it: all that depends on the key alone, computed once.
//!
//! No branch and no address here depends on a secret, but for whether parts are refused: a test has memcheck watch it.
//! The lengths of numbers are those of the key's size. Zeros that lead a part tell how long it is.

use std::fmt;
use std::sync::Mutex;

use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use crate::blinding::Blinding;
use crate::key_error::KeyError;
use crate::lanes::{DIGIT_BITS, DIGIT_MASK, revealed};
use crate::number::{BLOCK, BLOCK_BITS};
use crate::words::{self, Words};

/// The only public exponent that the kernel verifies with.
pub(crate) const PUBLIC_EXPONENT: u64 = 65_537;

/// The parts of a private key as PKCS #1 has them, each in network order
/// ([RFC 8017, section 3.2](https://www.rfc-editor.org/rfc/rfc8017#section-3.2)). Zeros may lead.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The modulus.
    pub n: &'a [u8],
    /// The public exponent.
    pub e: &'a [u8],
    /// The first prime.
    pub p: &'a [u8],
    /// The second prime.
    pub q: &'a [u8],
    /// The private exponent modulo p − 1.
    pub dp: &'a [u8],
    /// The private exponent modulo q − 1.
    pub dq: &'a [u8],
    /// The inverse of q modulo p.
    pub qinv: &'a [u8],
}

/// A private RSA key of 2048, 3072 or 4096 bits, ready to sign in the kernel.
///
/// What belongs together is not all checked here: a signature by parts that do not fit is never given out, because
/// every signature is verified. Its `Debug` shows the size, no more. All of it is overwritten when it is dropped.
pub struct PrivateKey {
    pub(crate) size: Size,
    pub(crate) n: ModulusDigits,
    pub(crate) p: Prime,
    pub(crate) q: Prime,
    /// The inverse of q modulo p, times R.
    pub(crate) qinv: Digits,
    pub(crate) n_uint: Odd<BoxedUint>,
    pub(crate) blinding: Mutex<Option<Blinding>>,
}

/// Secret digits, the lowest first.
pub(crate) type Digits = Zeroizing<Vec<u64>>;

/// The sizes of keys that the kernel signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl Size {
    const fn of(bytes: usize) -> Option<Self> {
        match bytes {
            256 => Some(Self::Rsa2048),
            384 => Some(Self::Rsa3072),
            512 => Some(Self::Rsa4096),
            _ => None,
        }
    }

    /// Bytes of the modulus and of every signature.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Rsa2048 => 256,
            Self::Rsa3072 => 384,
            Self::Rsa4096 => 512,
        }
    }

    /// Blocks of a prime: four, six or eight.
    pub(crate) const fn prime_blocks(self) -> usize {
        self.bytes() / 64
    }
}

/// What a [`Modulus`](crate::montgomery::Modulus) is made of, as digits.
#[derive(Clone)]
pub(crate) struct ModulusDigits {
    pub(crate) number: Digits,
    pub(crate) folded: Digits,
    pub(crate) inverse: Digits,
    pub(crate) r2: Digits,
}

/// A prime with its exponent.
pub(crate) struct Prime {
    pub(crate) modulus: ModulusDigits,
    /// R³ modulo the prime.
    pub(crate) r3: Digits,
    /// Four bits each, the lowest first.
    pub(crate) windows: Zeroizing<Vec<u8>>,
}

impl PrivateKey {
    /// Prepares a key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the kernel cannot sign with such a key.
    pub fn new(parts: &Parts<'_>) -> Result<Self, KeyError> {
        let key = Self::prepare(parts);
        crate::stack::wipe();
        key
    }

    #[inline(never)]
    fn prepare(parts: &Parts<'_>) -> Result<Self, KeyError> {
        let Parts { n, e, p, q, dp, dq, qinv } = *parts;
        let (size, n) = public_parts(n, e)?;
        let half = n.len() / 2;
        let blocks = size.prime_blocks();
        let [p, q, dp, dq, qinv] = [p, q, dp, dq, qinv].map(|part| exactly(part, half));
        let (p, q, dp, dq, qinv) = (p?, q?, dp?, dq?, qinv?);
        if revealed(u64::from(p[0] & q[0] & 0x80)) == 0 {
            return Err(KeyError::Prime);
        }
        if revealed(u64::from(p[half - 1] & q[half - 1] & 1)) == 0 {
            return Err(KeyError::Even);
        }
        let n_uint = BoxedUint::from_be_slice_vartime(n);
        let n_uint = Option::from(Odd::new(n_uint)).ok_or(KeyError::Even)?;
        let [n, p, q] = [n, &p, &q].map(words::from_bytes);
        let differs = words::product(&p, &q).iter().zip(n.iter()).fold(0, |bits, (a, b)| bits | (a ^ b));
        if revealed(differs) != 0 {
            return Err(KeyError::Product);
        }
        let qinv = odd(&p).shifted(&words::from_bytes(&qinv), blocks * BLOCK_BITS);
        Ok(Self {
            size,
            n: ModulusDigits::new(&n, 2 * blocks),
            p: Prime::new(&p, &dp, blocks),
            q: Prime::new(&q, &dq, blocks),
            qinv: digits(&qinv, 0, blocks),
            n_uint,
            blinding: Mutex::new(None),
        })
    }

    /// Bytes of the modulus and of every signature: 256, 384 or 512.
    #[must_use]
    pub const fn signature_len(&self) -> usize {
        self.size.bytes()
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        // The modulus is public; its factors and all that is made of them wipe themselves.
        if let Ok(blinding) = self.blinding.get_mut() {
            *blinding = None;
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("size", &self.size).finish_non_exhaustive()
    }
}

impl ModulusDigits {
    pub(crate) fn new(modulus: &Words, blocks: usize) -> Self {
        let mut inverse = words::negative_inverse(modulus, BLOCK_BITS.div_ceil(64));
        let odd = words::Odd::new(modulus, inverse[0]);
        let r2 = odd.power_of_two(2 * blocks * BLOCK_BITS);
        inverse[BLOCK_BITS / 64] &= (1 << (BLOCK_BITS % 64)) - 1;
        // k·m + 1 is a multiple of 2²⁶⁰: the low bits of k·m are ones, all of them.
        let mut folded = words::product(&inverse, modulus);
        words::increment(&mut folded);
        Self {
            number: digits(modulus, 0, blocks),
            folded: digits(&folded, 1, blocks),
            inverse: digits(&inverse, 0, 1),
            r2: digits(&r2, 0, blocks),
        }
    }
}

impl Prime {
    fn new(prime: &Words, exponent: &[u8], blocks: usize) -> Self {
        let modulus = ModulusDigits::new(prime, blocks);
        let r3 = odd(prime).power_of_two(3 * blocks * BLOCK_BITS);
        Self {
            modulus,
            r3: digits(&r3, 0, blocks),
            windows: Zeroizing::new(exponent.iter().rev().flat_map(|byte| [byte & 15, byte >> 4]).collect()),
        }
    }
}

fn odd(modulus: &Words) -> words::Odd<'_> {
    words::Odd::new(modulus, words::negative_inverse(modulus, 1)[0])
}

/// The digits of a number from some block on.
fn digits(number: &Words, from: usize, blocks: usize) -> Digits {
    let digit = |place: usize| {
        let bit = place * DIGIT_BITS as usize;
        let word = |at: usize| number.get(at).copied().unwrap_or(0);
        let pair = u128::from(word(bit / 64)) | u128::from(word(bit / 64 + 1)) << 64;
        words::low(pair >> (bit % 64)) & DIGIT_MASK
    };
    Zeroizing::new((from * BLOCK..(from + blocks) * BLOCK).map(digit).collect())
}

/// A key's size, and its modulus without zeros before it.
pub(crate) fn public_parts<'a>(n: &'a [u8], e: &[u8]) -> Result<(Size, &'a [u8]), KeyError> {
    let n = trimmed(n);
    let size = Size::of(n.len()).filter(|_| n[0] >= 0x80).ok_or(KeyError::Size)?;
    if trimmed(e) != [1, 0, 1] {
        return Err(KeyError::PublicExponent);
    }
    Ok((size, n))
}

/// Without the zeros that lead.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The number in exactly so many bytes.
fn exactly(bytes: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let above = bytes.len().saturating_sub(len);
    if revealed(bytes[..above].iter().fold(0, |bits, byte| bits | u64::from(*byte))) != 0 {
        return Err(KeyError::Prime);
    }
    let mut exact = Zeroizing::new(vec![0; len]);
    let from = len - (bytes.len() - above);
    exact[from..].copy_from_slice(&bytes[above..]);
    Ok(exact)
}
