//! Multiples of a curve's base point B, eight side by side: a table that is the same for all lanes, and one addition for each of its rows.
//!
//! With n rows of w bits, a scalar k is signed by the bits of k′, for which 2·k′ = k + 2^(w·n) − 1 modulo the order of B: each of them
//! stands for 1 or −1 in place of 1 or 0. So w of them are an odd number from 1 − 2^w to 2^w − 1, and none is zero: nothing has to be
//! left out, or be chosen not to.
//!
//! Row i has (2·j + 1)·2^(w·i)·B for j from 0 to 2^(w−1) − 1. Sixteen numbers are two vectors, from which one instruction takes one for
//! each lane: no address depends on the scalar.

use crate::lanes::{DIGIT_BITS, LANES, Lanes};
use crate::number::BLOCK;

/// Bits of a row.
pub(crate) const WIDTH: u32 = 5;

/// Points of a row: what two vectors hold.
pub(crate) const POINTS: usize = 1 << (WIDTH - 1);

/// The numbers at one digit's place, of all points of a row.
type Digit = [[u64; LANES]; POINTS / LANES];

/// Points of a row by so many numbers each, and these by their digits.
type Row<const NUMBERS: usize> = [[Digit; BLOCK]; NUMBERS];

/// All rows. They depend on nothing but the curve.
pub(crate) struct Rows<const NUMBERS: usize, const ROWS: usize> {
    pub(crate) rows: [Row<NUMBERS>; ROWS],
    /// Of all numbers, as they were computed.
    sum: u64,
}

/// What a curve is to a table.
pub(crate) struct Curve<Add, Choose, Take> {
    /// Adds the second point to the first one, which may be the same.
    pub(crate) add: Add,
    /// The first point where the mask's bits are set, the second elsewhere.
    pub(crate) choose: Choose,
    /// The numbers by which points of a row are added.
    pub(crate) numbers: Take,
}

impl<const NUMBERS: usize, const ROWS: usize> Rows<NUMBERS, ROWS> {
    /// What is computed twice and until both are the same: what a wrong number would do later, no check
    /// of a signature would see, as it is made of the same numbers.
    pub(crate) fn twice(compute: impl Fn() -> Box<Self>) -> Box<Self> {
        loop {
            let [one, other] = [(); 2].map(|()| compute());
            if one.rows == other.rows {
                return one;
            }
        }
    }

    /// Computes them, with eight rows in the lanes at a time.
    pub(crate) fn compute<V: Lanes, P: Copy>(
        base: P,
        curve: &Curve<
            impl Fn(&mut P, &P),
            impl Fn(V, &P, &P) -> P,
            impl Fn(&mut [P; POINTS]) -> [[[V; BLOCK]; NUMBERS]; POINTS],
        >,
    ) -> Box<Self> {
        let mut table =
            Box::new(Self { rows: [[[[[0; LANES]; POINTS / LANES]; BLOCK]; NUMBERS]; ROWS], sum: 0 });
        let mut base = base;
        for rows in table.rows.chunks_mut(LANES) {
            let mut first = base;
            for lane in 0..rows.len() {
                // Lanes from this one on.
                let mask = V::from_lanes(std::array::from_fn(|at| if at >= lane { u64::MAX } else { 0 }));
                first = (curve.choose)(mask, &base, &first);
                for _ in 0..WIDTH {
                    let half = base;
                    (curve.add)(&mut base, &half);
                }
            }
            let mut twice = first;
            (curve.add)(&mut twice, &first);
            let mut odd = [first; POINTS];
            for point in 1..POINTS {
                odd[point] = odd[point - 1];
                (curve.add)(&mut odd[point], &twice);
            }
            for (place, numbers) in (curve.numbers)(&mut odd).iter().enumerate() {
                for (coordinate, number) in numbers.iter().enumerate() {
                    for (digit, lanes) in number.map(V::to_lanes).iter().enumerate() {
                        for (row, number) in rows.iter_mut().zip(lanes) {
                            row[coordinate][digit].as_flattened_mut()[place] = *number;
                        }
                    }
                }
            }
        }
        table.sum = Self::sum(&table.rows);
        table
    }

    /// Whether they are as they were computed: no bit has flipped since.
    pub(crate) fn is_intact(&self) -> bool {
        self.sum == Self::sum(&self.rows)
    }

    /// Bits of a number of a row flip.
    #[cfg(test)]
    pub(crate) fn flip(&mut self, row: usize, bits: u64) {
        self.rows[row][1][2][1][3] ^= bits;
    }

    fn sum(rows: &[Row<NUMBERS>; ROWS]) -> u64 {
        let numbers = rows.as_flattened().as_flattened().as_flattened().as_flattened();
        numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number))
    }
}

/// The bits of a row. A multiplication by a power of two shifts by any number of bits.
#[inline(always)]
pub(crate) fn window<V: Lanes>(digits: &[V; BLOCK], row: usize) -> V {
    const BITS: usize = DIGIT_BITS as usize;
    let (digit, bit) = (row * WIDTH as usize / BITS, row * WIDTH as usize % BITS);
    let shifted = if bit == 0 {
        digits[digit]
    } else {
        let power = V::splat(1 << (BITS - bit));
        let low = V::splat(0).add_high(digits[digit], power);
        if bit + WIDTH as usize > BITS && digit + 1 < BLOCK {
            low.add_low(digits[digit + 1], power)
        } else {
            low
        }
    };
    shifted.below::<WIDTH>()
}

/// The numbers of the point that a row's bits stand for, and all bits where it is to be taken away.
#[inline(always)]
pub(crate) fn look_up<V: Lanes, const NUMBERS: usize>(
    row: &Row<NUMBERS>,
    bits: V,
) -> ([[V; BLOCK]; NUMBERS], V) {
    // Without the highest bit the number is negative, and what it is the opposite of has all bits the other way round. The look-up
    // leaves the highest bit out.
    let is_minus = bits.minus(V::splat(POINTS as u64)).if_negative();
    let point = is_minus.choose_by(V::splat(2 * POINTS as u64 - 1).minus(bits), bits);
    (row.each_ref().map(|number| number.each_ref().map(|digit| point.look_up(digit))), is_minus)
}
