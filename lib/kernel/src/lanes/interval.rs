//! The range of every number, whatever the digits are: no sum overflows, no operand has more than 52 bits.

use super::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};
use crate::hashes::SHA512;

/// Every number from `least` to `most`, in every lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) least: i128,
    pub(crate) most: i128,
}

impl Interval {
    /// Any digit.
    pub(crate) const DIGIT: Self = Self { least: 0, most: DIGIT_MASK as i128 };

    fn checked(least: i128, most: i128) -> Self {
        assert!(least >= i128::from(i64::MIN), "a sum may be as low as {least}");
        assert!(most <= i128::from(i64::MAX), "a sum may be as high as {most}");
        Self { least, most }
    }

    fn assert_is_digit(self) {
        assert!(
            self.least >= 0 && self.most <= i128::from(DIGIT_MASK),
            "a factor from {} to {} is no digit: the instruction would drop bits of it",
            self.least,
            self.most,
        );
    }

    fn add(self, most: i128) -> Self {
        Self::checked(self.least, self.most + most)
    }
}

impl Lanes for Interval {
    #[inline(never)]
    fn splat(number: u64) -> Self {
        let number = i128::from(number.cast_signed());
        Self::checked(number, number)
    }

    #[inline(never)]
    fn from_lanes(numbers: [u64; LANES]) -> Self {
        let numbers = numbers.map(|number| i128::from(number.cast_signed()));
        Self::checked(numbers.into_iter().min().unwrap_or(0), numbers.into_iter().max().unwrap_or(0))
    }

    #[inline(never)]
    fn to_lanes(self) -> [u64; LANES] {
        unreachable!("a range is no number")
    }

    #[inline(never)]
    fn add_low(self, a: Self, b: Self) -> Self {
        a.assert_is_digit();
        b.assert_is_digit();
        self.add((a.most * b.most).min(i128::from(DIGIT_MASK)))
    }

    #[inline(never)]
    fn add_high(self, a: Self, b: Self) -> Self {
        a.assert_is_digit();
        b.assert_is_digit();
        self.add((a.most * b.most) >> DIGIT_BITS)
    }

    #[inline(never)]
    fn plus(self, other: Self) -> Self {
        Self::checked(self.least + other.least, self.most + other.most)
    }

    #[inline(never)]
    fn minus(self, other: Self) -> Self {
        Self::checked(self.least - other.most, self.most - other.least)
    }

    #[inline(never)]
    fn above<const BITS: u32>(self) -> Self {
        Self::checked(self.least >> BITS, self.most >> BITS)
    }

    #[inline(never)]
    fn shifted<const BITS: u32>(self) -> Self {
        Self::checked(self.least << BITS, self.most << BITS)
    }

    #[inline(never)]
    fn below<const BITS: u32>(self) -> Self {
        let most = (1 << BITS) - 1;
        if self.least >= 0 && self.most <= most { self } else { Self::checked(0, most) }
    }

    #[inline(never)]
    fn if_negative(self) -> Self {
        Self::checked(if self.least < 0 { -1 } else { 0 }, if self.most < 0 { -1 } else { 0 })
    }

    #[inline(never)]
    fn and(self, mask: Self) -> Self {
        assert!(mask.least >= -1 && mask.most <= 0, "a mask has all bits or none");
        Self::checked(self.least.min(0), self.most.max(0))
    }

    #[inline(never)]
    fn or(self, other: Self) -> Self {
        // One of the two is zero wherever the arithmetic chooses by masks.
        Self::checked(self.least.min(other.least), self.most.max(other.most))
    }

    #[inline(never)]
    fn xor(self, _: Self) -> Self {
        Self::checked(i128::from(i64::MIN), i128::from(i64::MAX))
    }

    #[inline(never)]
    fn choose_by(self, one: Self, other: Self) -> Self {
        assert!(self.least >= -1 && self.most <= 0, "a mask has all bits or none");
        Self::checked(one.least.min(other.least), one.most.max(other.most))
    }

    #[inline(never)]
    fn look_up(self, numbers: &[[u64; LANES]; 2]) -> Self {
        let [low, high] = numbers.map(Self::from_lanes);
        Self::checked(low.least.min(high.least), low.most.max(high.most))
    }

    fn sha512(_: &[&[u8]; LANES], _: &mut [[u8; SHA512]; LANES]) {
        unreachable!("a range is no number")
    }
}
