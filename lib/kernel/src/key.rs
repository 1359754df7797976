//! A private key as the kernel wants it: all that depends on the key alone, computed once.
//!
//! Everything here takes the same time for all keys of a size: `crypto-bigint` is constant-time in values, and the
//! lengths of numbers are those of the key's size.

use std::fmt;
use std::sync::Mutex;

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Odd, Resize as _};
use zeroize::Zeroizing;

use crate::blinding::Blinding;
use crate::lanes::revealed;
use crate::number::{BLOCK, BLOCK_BITS, digit_of};

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
    const fn prime_blocks(self) -> usize {
        self.bytes() / 64
    }
}

/// What a [`Modulus`](crate::montgomery::Modulus) is made of, as digits.
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
        let Parts { n, e, p, q, dp, dq, qinv } = *parts;
        let bytes = trimmed(n).len();
        let size = Size::of(bytes).filter(|_| trimmed(n)[0] >= 0x80).ok_or(KeyError::Size)?;
        if trimmed(e) != [1, 0, 1] {
            return Err(KeyError::PublicExponent);
        }
        let half = bytes / 2;
        let blocks = size.prime_blocks();
        let [p, q, dp, dq, qinv] = [p, q, dp, dq, qinv].map(|part| exactly(part, half));
        let (p, q, dp, dq, qinv) = (p?, q?, dp?, dq?, qinv?);
        if revealed(u64::from(p[0] & q[0] & 0x80)) == 0 {
            return Err(KeyError::Prime);
        }
        let p_uint = odd(&p)?;
        let q_uint = odd(&q)?;
        let n_uint = odd(&exactly(n, bytes)?)?;
        let product = p_uint.as_ref().concatenating_mul(q_uint.as_ref());
        let differs =
            product.as_words().iter().zip(n_uint.as_ref().as_words()).fold(0, |bits, (a, b)| bits | (a ^ b));
        if revealed(differs) != 0 {
            return Err(KeyError::Product);
        }
        let r_bits = u32::try_from(blocks).map_or(0, |blocks| blocks * BLOCK_BITS);
        let qinv = shifted(&uint(&qinv), r_bits).rem(p_uint.as_nz_ref());
        Ok(Self {
            size,
            n: ModulusDigits::new(&n_uint, 2 * blocks),
            p: Prime::new(&p_uint, &dp, blocks),
            q: Prime::new(&q_uint, &dq, blocks),
            qinv: digits(&qinv, blocks),
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
    fn new(modulus: &Odd<BoxedUint>, blocks: usize) -> Self {
        let r_bits = u32::try_from(blocks).map_or(0, |blocks| blocks * BLOCK_BITS);
        let inverse = negative_inverse(modulus);
        // k·m + 1 is a multiple of 2²⁶⁰, so it is k·m divided by 2²⁶⁰, rounded up.
        let mut folded = inverse.concatenating_mul(modulus.as_ref());
        let one = BoxedUint::one_with_precision(folded.bits_precision());
        folded.wrapping_add_assign(&one);
        folded.shr_assign(BLOCK_BITS);
        Self {
            number: digits(modulus.as_ref(), blocks),
            folded: digits(&folded, blocks),
            inverse: digits(&inverse, 1),
            r2: digits(&power_of_two(2 * r_bits, modulus), blocks),
        }
    }
}

impl Prime {
    fn new(prime: &Odd<BoxedUint>, exponent: &[u8], blocks: usize) -> Self {
        let r_bits = u32::try_from(blocks).map_or(0, |blocks| blocks * BLOCK_BITS);
        Self {
            modulus: ModulusDigits::new(prime, blocks),
            r3: digits(&power_of_two(3 * r_bits, prime), blocks),
            windows: Zeroizing::new(exponent.iter().rev().flat_map(|byte| [byte & 15, byte >> 4]).collect()),
        }
    }
}

/// −1/m modulo 2²⁶⁰, by Newton's iteration: each step doubles the correct low bits.
fn negative_inverse(modulus: &Odd<BoxedUint>) -> BoxedUint {
    let precision = BLOCK_BITS.next_multiple_of(64);
    let low = modulus.as_ref().resize_unchecked(precision);
    // Every odd number is its own inverse modulo 8: three bits are right, then 6, 12, … 384.
    let mut inverse = low.clone();
    let two = BoxedUint::one_with_precision(precision).shl(1);
    for _ in 0..7 {
        inverse = inverse.wrapping_mul(two.wrapping_sub(low.wrapping_mul(&inverse)));
    }
    inverse = inverse.wrapping_neg();
    let unused = precision - BLOCK_BITS;
    inverse.shl(unused).shr(unused)
}

/// 2^bits modulo `modulus`.
fn power_of_two(bits: u32, modulus: &Odd<BoxedUint>) -> BoxedUint {
    shifted(&BoxedUint::one_with_precision(modulus.bits_precision()), bits).rem(modulus.as_nz_ref())
}

/// The number times 2^bits, in as many words as that takes.
fn shifted(number: &BoxedUint, bits: u32) -> BoxedUint {
    number.resize_unchecked(number.bits_precision() + bits + 64).shl(bits)
}

/// The lowest digits of a number.
fn digits(number: &BoxedUint, blocks: usize) -> Digits {
    let bytes = Zeroizing::new(number.to_be_bytes());
    Zeroizing::new((0..blocks * BLOCK).map(|place| digit_of(&bytes, place)).collect())
}

fn uint(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_truncated(bytes, u32::try_from(bytes.len() * 8).unwrap_or(u32::MAX))
}

fn odd(bytes: &[u8]) -> Result<Odd<BoxedUint>, KeyError> {
    let mut bytes = Zeroizing::new(bytes.to_vec());
    let Some(last) = bytes.last_mut() else { return Err(KeyError::Even) };
    if revealed(u64::from(*last & 1)) == 0 {
        return Err(KeyError::Even);
    }
    *last |= 1;
    Option::from(Odd::new(uint(&bytes))).ok_or(KeyError::Even)
}

/// Without the zeros that lead.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The number in exactly so many bytes.
fn exactly(bytes: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let above = bytes.len().saturating_sub(len);
    if bytes[..above].iter().fold(0, |bits, byte| bits | byte) != 0 {
        return Err(KeyError::Prime);
    }
    let mut exact = Zeroizing::new(vec![0; len]);
    let from = len - (bytes.len() - above);
    exact[from..].copy_from_slice(&bytes[above..]);
    Ok(exact)
}

/// Why the kernel cannot sign with a key. AWS-LC may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Only these sizes are compiled.
    #[error("the modulus has not 2048, 3072 or 4096 bits")]
    Size,
    /// Signatures are verified with this exponent only.
    #[error("the public exponent is not 65537")]
    PublicExponent,
    /// A part is longer than half the modulus, or a prime is shorter.
    #[error("the primes have not half the bits of the modulus each")]
    Prime,
    /// A modulus that is even has no Montgomery form.
    #[error("the modulus or one of the primes is even")]
    Even,
    /// The parts are of different keys.
    #[error("the modulus is not the product of the primes")]
    Product,
}
