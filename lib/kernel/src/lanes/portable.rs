//! Eight 64-bit integers, for processors without the instructions.
//!
//! Nothing here is inlined: the generic code around it is long, and would take minutes to compile.

use super::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};
use crate::hashes::SHA512;

/// Lanes of plain integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable([u64; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

/// The product of two digits. What stands above a digit is ignored, as the processor's instruction does.
#[inline(always)]
fn product(a: u64, b: u64) -> u128 {
    u128::from(a & DIGIT_MASK) * u128::from(b & DIGIT_MASK)
}

#[expect(clippy::cast_possible_truncation, reason = "both halves of a product of 104 bits")]
impl Lanes for Portable {
    #[inline(never)]
    fn splat(number: u64) -> Self {
        Self([number; LANES])
    }

    #[inline(never)]
    fn from_lanes(numbers: [u64; LANES]) -> Self {
        Self(numbers)
    }

    #[inline(never)]
    fn to_lanes(self) -> [u64; LANES] {
        self.0
    }

    #[inline(never)]
    fn add_low(self, a: Self, b: Self) -> Self {
        self.plus(a.zip(b, |a, b| product(a, b) as u64 & DIGIT_MASK))
    }

    #[inline(never)]
    fn add_high(self, a: Self, b: Self) -> Self {
        self.plus(a.zip(b, |a, b| (product(a, b) >> DIGIT_BITS) as u64))
    }

    #[inline(never)]
    fn plus(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    #[inline(never)]
    fn minus(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    #[inline(never)]
    fn above<const BITS: u32>(self) -> Self {
        Self(self.0.map(|number| (number.cast_signed() >> BITS).cast_unsigned()))
    }

    #[inline(never)]
    fn shifted<const BITS: u32>(self) -> Self {
        Self(self.0.map(|number| number << BITS))
    }

    #[inline(never)]
    fn below<const BITS: u32>(self) -> Self {
        Self(self.0.map(|number| number & ((1 << BITS) - 1)))
    }

    /// What does not count is there, so that whoever takes it for a part of the number is seen.
    #[inline(never)]
    fn factor(self) -> Self {
        Self(self.0.map(|number| number | !DIGIT_MASK))
    }

    #[inline(never)]
    fn if_negative(self) -> Self {
        Self(self.0.map(|number| (number.cast_signed() >> 63).cast_unsigned()))
    }

    #[inline(never)]
    fn and(self, mask: Self) -> Self {
        self.zip(mask, |a, b| a & b)
    }

    #[inline(never)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    #[inline(never)]
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }

    #[inline(never)]
    fn choose_by(self, one: Self, other: Self) -> Self {
        other.xor(one.xor(other).and(self))
    }

    #[inline(never)]
    fn look_up(self, numbers: &[[u64; LANES]; 2]) -> Self {
        let mut found = Self([0; LANES]);
        for (place, number) in (0..).zip(numbers.as_flattened()) {
            let differs = self.below::<4>().xor(Self([place; LANES]));
            let is_there = differs.minus(Self([1; LANES])).if_negative();
            found = found.or(is_there.and(Self([*number; LANES])));
        }
        found
    }

    #[cfg(test)]
    fn sha512(messages: &[&[u8]; LANES], digests: &mut [[u8; SHA512]; LANES]) {
        use rsa::sha2::{Digest as _, Sha512};
        for (message, digest) in messages.iter().zip(digests) {
            *digest = Sha512::digest(message).into();
        }
    }

    #[cfg(not(test))]
    fn sha512(_: &[&[u8]; LANES], _: &mut [[u8; SHA512]; LANES]) {
        unreachable!("there is no kernel without AVX-512");
    }

    #[inline(never)]
    fn reveal(self) -> Self {
        Self(self.0.map(super::revealed))
    }
}
