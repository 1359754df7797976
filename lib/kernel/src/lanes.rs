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

use crate::ed25519::base::{self, BaseTable};
use crate::ed25519::field::{self, Element};
use crate::ed25519::point::Point;
use crate::hashes::SHA512;
use crate::montgomery::{self, Modulus};
use crate::number::Number;
use crate::p256;
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

    /// An arithmetic shift to the right: what does not fit into so many bits, with its sign.
    fn above<const BITS: u32>(self) -> Self;

    /// What fits into so many bits.
    fn below<const BITS: u32>(self) -> Self;

    /// The product with a power of two.
    fn shifted<const BITS: u32>(self) -> Self;

    /// What does not fit into a digit: a borrow is carried as well.
    #[inline(always)]
    fn carry(self) -> Self {
        self.above::<DIGIT_BITS>()
    }

    /// What fits into a digit.
    #[inline(always)]
    fn digit(self) -> Self {
        self.below::<DIGIT_BITS>()
    }

    /// A number of which only the lower 52 bits count: a multiplication takes no others by itself. It may be a factor, or part of a sum that is
    /// one itself.
    #[inline(always)]
    fn factor(self) -> Self {
        self.digit()
    }

    /// All bits where a signed number is below zero, none elsewhere.
    fn if_negative(self) -> Self;

    /// Bits of both.
    fn and(self, mask: Self) -> Self;

    /// Bits of either.
    fn or(self, other: Self) -> Self;

    /// Bits that differ.
    fn xor(self, other: Self) -> Self;

    /// For a mask: `one` where its bits are set, `other` elsewhere.
    fn choose_by(self, one: Self, other: Self) -> Self;

    /// For an index, of which the low four bits count: the number at that place. All sixteen are read.
    fn look_up(self, numbers: &[[u64; LANES]; 2]) -> Self;

    /// SHA-512 of eight messages.
    fn sha512(messages: &[&[u8]; LANES], digests: &mut [[u8; SHA512]; LANES]);

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
        montgomery::square(number, times, modulus);
    }

    /// [`window::choose`], as a function of its own.
    #[inline(never)]
    fn choose<const B: usize>(to: &mut Number<Self, B>, table: &Table<Self, B>, index: u8) {
        window::choose(to, table, index);
    }

    /// [`base::multiply`], as a function of its own.
    #[inline(never)]
    fn multiply_base(to: &mut Point<Self>, scalar: &Number<Self, 1>, table: &BaseTable) {
        base::multiply(to, scalar, table);
    }

    /// [`Point::plus_point`], as a function of its own.
    #[inline(never)]
    fn add_points(to: &mut Point<Self>, other: &Point<Self>, d2: &Element<Self>) {
        *to = to.plus_point(other, d2);
    }

    /// [`field::invert`], as a function of its own.
    #[inline(never)]
    fn invert(number: &mut Element<Self>) {
        field::invert(number);
    }

    /// [`p256::base::multiply`], as a function of its own.
    #[inline(never)]
    fn multiply_p256(
        to: &mut p256::point::Point<Self>,
        scalar: &Number<Self, 1>,
        table: &p256::base::BaseTable,
    ) {
        p256::base::multiply(to, scalar, table);
    }

    /// [`p256::point::Point::plus_point`], as a function of its own.
    #[inline(never)]
    fn add_p256(to: &mut p256::point::Point<Self>, other: &p256::point::Point<Self>) {
        *to = to.plus_point(other);
    }

    /// [`p256::field::invert`], as a function of its own.
    #[inline(never)]
    fn invert_p256(number: &mut p256::field::Element<Self>) {
        p256::field::invert(number);
    }
}

/// The bits of a verdict, which may be known: see [`Lanes::reveal`].
#[inline(always)]
pub(crate) fn revealed(bits: u64) -> u64 {
    #[cfg(test)]
    let bits = crate::memcheck::known(bits);
    bits
}
