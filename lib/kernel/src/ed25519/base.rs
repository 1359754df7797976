//! Multiples of the base point B, eight side by side: a table that is the same for all lanes, and one addition for each of its rows.
//!
//! With n rows of w bits, a scalar k is signed by the bits of k′, for which 2·k′ = k + 2^(w·n) − 1 modulo the order of B: each of them
//! stands for 1 or −1 in place of 1 or 0. So w of them are an odd number from 1 − 2^w to 2^w − 1, and none is zero: nothing has to be
//! left out, or be chosen not to.
//!
//! Row i has (2·j + 1)·2^(w·i)·B for j from 0 to 2^(w−1) − 1. Sixteen numbers are two vectors, from which one instruction takes one for
//! each lane: no address depends on the scalar.

use std::sync::OnceLock;

use super::field::Element;
use super::point::{Addend, Point, invert_each};
use crate::lanes::{LANES, Lanes};
use crate::number::{BLOCK, Number};

/// Bits of a row.
pub(crate) const WIDTH: u32 = 5;

/// Rows: enough bits for any number below the order, and twice and four times as many.
pub(crate) const ROWS: usize = 51;

/// Points of a row: what two vectors hold.
const POINTS: usize = 1 << (WIDTH - 1);

/// The numbers at one digit's place, of all points of a row.
type Digit = [[u64; LANES]; POINTS / LANES];

/// Points of a row as they are added: sum, difference and product, each by its digits.
type Row = [[Digit; BLOCK]; 3];

/// All rows. It depends on nothing but the curve.
pub(crate) struct BaseTable {
    rows: [Row; ROWS],
    /// Of all numbers, as they were computed.
    sum: u64,
}

/// x of B ([RFC 8032, section 5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)), the lowest byte first.
const X: [u8; 32] = [
    0x1a, 0xd5, 0x25, 0x8f, 0x60, 0x2d, 0x56, 0xc9, 0xb2, 0xa7, 0x25, 0x95, 0x60, 0xc7, 0x2c, 0x69, 0x5c,
    0xdc, 0xd6, 0xfd, 0x31, 0xe2, 0xa4, 0xc0, 0xfe, 0x53, 0x6e, 0xcd, 0xd3, 0x36, 0x69, 0x21,
];

impl BaseTable {
    /// The table of this process. It is computed twice and until both are the same: what a wrong number would do later, no check
    /// of a signature would see, as it is made of the same numbers.
    pub(crate) fn get<V: Lanes>() -> &'static Self {
        static TABLE: OnceLock<Box<BaseTable>> = OnceLock::new();
        TABLE.get_or_init(|| {
            loop {
                let [one, other] = [(); 2].map(|()| Self::compute::<V>());
                if one.rows == other.rows {
                    return one;
                }
            }
        })
    }

    /// Whether it is as it was computed: no bit has flipped since.
    pub(crate) fn is_intact(&self) -> bool {
        self.sum == Self::sum(&self.rows)
    }

    /// Bits of a number of a row flip.
    #[cfg(test)]
    pub(crate) fn flip(&mut self, row: usize, bits: u64) {
        self.rows[row][1][2][1][3] ^= bits;
    }

    fn sum(rows: &[Row; ROWS]) -> u64 {
        let numbers = rows.as_flattened().as_flattened().as_flattened().as_flattened();
        numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number))
    }

    /// Computes it, with eight rows in the lanes at a time.
    pub(crate) fn compute<V: Lanes>() -> Box<Self> {
        let quotient = |number: &Element<V>, by: u64| {
            let mut inverse = Element::small(by);
            V::invert(&mut inverse);
            number.times(&inverse).carried()
        };
        // d = −121665/121666, and y = 4/5.
        let zero = Element::<V>::small(0);
        let d = quotient(&zero.sum().minus(&Element::small(121_665).sum()).carried(), 121_666);
        let d2 = d.sum().plus(&d.sum()).carried();
        let y = quotient(&Element::small(4), 5);

        let mut table = Box::new(Self { rows: [[[[[0; LANES]; POINTS / LANES]; BLOCK]; 3]; ROWS], sum: 0 });
        let mut base = Point::affine(&Element::decoded(&[X; LANES]), &y);
        for rows in table.rows.chunks_mut(LANES) {
            let mut first = base;
            for lane in 0..rows.len() {
                // Lanes from this one on.
                let mask = V::from_lanes(std::array::from_fn(|at| if at >= lane { u64::MAX } else { 0 }));
                let choose = |one: &Element<V>, other: &Element<V>| Element::choose_by(mask, one, other);
                first = Point {
                    x: choose(&base.x, &first.x),
                    y: choose(&base.y, &first.y),
                    z: choose(&base.z, &first.z),
                    t: choose(&base.t, &first.t),
                };
                for _ in 0..WIDTH {
                    let half = base;
                    V::add_points(&mut base, &half, &d2);
                }
            }
            let mut twice = first;
            V::add_points(&mut twice, &first, &d2);
            let mut odd = [first; POINTS];
            for point in 1..POINTS {
                odd[point] = odd[point - 1];
                V::add_points(&mut odd[point], &twice, &d2);
            }
            invert_each::<V, POINTS>(&mut odd);
            for (place, point) in odd.iter().enumerate() {
                let (x, y) = point.divided(&point.z);
                let numbers = [
                    y.sum().plus(&x.sum()).carried(),
                    y.sum().minus(&x.sum()).carried(),
                    x.times(&y).carried().times(&d2).carried(),
                ];
                for (coordinate, number) in numbers.iter().enumerate() {
                    for (digit, lanes) in number.reduced().0.map(V::to_lanes).iter().enumerate() {
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
}

/// `to` becomes the multiple of B by the scalar of which `signs` are the signed bits: see the top of this file.
#[inline(always)]
pub(crate) fn multiply<V: Lanes>(to: &mut Point<V>, signs: &Number<V, 1>, table: &BaseTable) {
    let mut sum = Point::neutral();
    for (place, row) in table.rows.iter().enumerate() {
        let (addend, is_minus) = look_up(row, window(&signs[0], place));
        sum = sum.plus(&addend, is_minus);
    }
    *to = sum;
}

/// The bits of a row. A multiplication by a power of two shifts by any number of bits.
#[inline(always)]
pub(crate) fn window<V: Lanes>(digits: &[V; BLOCK], row: usize) -> V {
    const BITS: usize = crate::lanes::DIGIT_BITS as usize;
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

/// The addend that a row's bits stand for, and all bits where it is to be taken away.
#[inline(always)]
fn look_up<V: Lanes>(row: &Row, bits: V) -> (Addend<V>, V) {
    // Without the highest bit the number is negative, and what it is the opposite of has all bits the other way round. The look-up
    // leaves the highest bit out.
    let is_minus = bits.minus(V::splat(POINTS as u64)).if_negative();
    let point = is_minus.choose_by(V::splat(2 * POINTS as u64 - 1).minus(bits), bits);
    let [sum, difference, product] =
        row.each_ref().map(|number| Element(number.each_ref().map(|digit| point.look_up(digit))));
    (Addend { sum, difference, product }, is_minus)
}
