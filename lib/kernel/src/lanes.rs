//! Eight records side by side: one 64-bit number of each in one vector.

#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(test)]
mod interval;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use ifma::Ifma;
#[cfg(test)]
pub(crate) use interval::Interval;
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) use portable::Portable;

use crate::montgomery::{self, Modulus};
use crate::number::Number;
use crate::window::{self, Table};

/// How many records are signed in lock-step.
pub const LANES: usize = 8;

/// Bits of a digit: what one `vpmadd52` multiplies.
pub(crate) const DIGIT_BITS: u32 = 52;

/// All bits of a digit.
pub(crate) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// A vector with one number for each lane. Every operation works on all lanes at once and takes a time that depends on
/// no value.
///
/// The arithmetic of this crate is written once, over this trait. [`Ifma`] is what runs; [`Portable`] does the same
/// with 64-bit integers; `Interval` computes the range of every number.
pub(crate) trait Lanes: Copy {
    /// The same number in every lane.
    fn splat(number: u64) -> Self;

    /// One number for each lane.
    fn from_lanes(numbers: [u64; LANES]) -> Self;

    /// The number of each lane.
    fn to_lanes(self) -> [u64; LANES];

    /// `self` and the low 52 bits of the product of two digits.
    fn add_low(self, a: Self, b: Self) -> Self;

    /// `self` and the high 52 bits of the product of two digits.
    fn add_high(self, a: Self, b: Self) -> Self;

    /// The sum.
    fn plus(self, other: Self) -> Self;

    /// The difference, signed.
    fn minus(self, other: Self) -> Self;

    /// What does not fit into a digit: an arithmetic shift, so that a borrow is carried as well.
    fn carry(self) -> Self;

    /// What fits into a digit.
    fn digit(self) -> Self;

    /// All bits where a signed number is below zero, none elsewhere.
    fn if_negative(self) -> Self;

    /// Bits of both.
    fn and(self, mask: Self) -> Self;

    /// Bits of either.
    fn or(self, other: Self) -> Self;

    /// Bits that differ.
    fn xor(self, other: Self) -> Self;

    /// Marks a number that may be known from here on: what depends on it is no leak.
    #[inline(always)]
    fn reveal(self) -> Self {
        self
    }

    /// [`montgomery::multiply`], as a function of its own.
    #[inline(never)]
    fn multiply<const B: usize>(
        to: &mut Number<Self, B>,
        a: &Number<Self, B>,
        b: &Number<Self, B>,
        modulus: &Modulus<Self, B>,
    ) {
        montgomery::multiply(to, a, b, modulus);
    }

    /// [`montgomery::square`], as a function of its own, so many times.
    #[inline(never)]
    fn square<const B: usize>(number: &mut Number<Self, B>, times: u32, modulus: &Modulus<Self, B>) {
        for _ in 0..times {
            montgomery::square(number, modulus);
        }
    }

    /// [`window::choose`], as a function of its own.
    #[inline(never)]
    fn choose<const B: usize>(to: &mut Number<Self, B>, table: &Table<Self, B>, index: u8) {
        window::choose(to, table, index);
    }
}

/// The bits of a verdict, which may be known: see [`Lanes::reveal`].
#[inline(always)]
pub(crate) fn revealed(bits: u64) -> u64 {
    #[cfg(test)]
    let bits = crate::memcheck::known(bits);
    bits
}
