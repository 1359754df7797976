//! Powers with a secret exponent: a table of sixteen powers, read whole for every use.
//!
//! Windows of four bits: the table of a 1024-bit prime is 20 KB and stays in the first cache beside the operands. One
//! of five bits would save 35 products and read a table of 40 KB, which leaves the first cache.

use std::hint::black_box;

use crate::lanes::Lanes;
use crate::montgomery::Modulus;
use crate::number::{BLOCK, Number};

/// The powers 0 to 15.
pub(crate) type Table<V, const B: usize> = [Number<V, B>; 16];

/// Copies the entry at `index`, which no address and no branch depends on.
#[inline(always)]
pub(crate) fn choose<V: Lanes, const B: usize>(to: &mut Number<V, B>, table: &Table<V, B>, index: u8) {
    let bits: [V; 4] = std::array::from_fn(|bit| {
        // All bits or none. The compiler must not know that it is one of two values.
        V::splat(black_box((u64::from(index) >> bit & 1).wrapping_neg()))
    });
    for block in 0..B {
        for digit in 0..BLOCK {
            let entry = |n: usize| table[n][block][digit];
            let of_two: [V; 8] = std::array::from_fn(|n| bits[0].choose_by(entry(2 * n + 1), entry(2 * n)));
            let of_four: [V; 4] =
                std::array::from_fn(|n| bits[1].choose_by(of_two[2 * n + 1], of_two[2 * n]));
            let of_eight: [V; 2] =
                std::array::from_fn(|n| bits[2].choose_by(of_four[2 * n + 1], of_four[2 * n]));
            to[block][digit] = bits[3].choose_by(of_eight[1], of_eight[0]);
        }
    }
}

/// `base` to the power of `exponent` (its windows from the lowest on, each from 0 to 15), all in Montgomery's form.
#[inline(always)]
pub(crate) fn power<V: Lanes, const B: usize>(
    base: &mut Number<V, B>,
    exponent: &[u8],
    modulus: &Modulus<V, B>,
    table: &mut Table<V, B>,
    chosen: &mut Number<V, B>,
) {
    let mut one = crate::number::zero();
    one[0][0] = V::splat(1);
    V::multiply(&mut table[0], &one, &modulus.r2, modulus);
    table[1] = *base;
    for entry in 2..16 {
        let (known, rest) = table.split_at_mut(entry);
        V::multiply(&mut rest[0], &known[entry - 1], base, modulus);
    }
    let mut windows = exponent.iter().rev();
    V::choose(base, table, windows.next().copied().unwrap_or(0));
    for window in windows {
        V::square(base, 4, modulus);
        V::choose(chosen, table, *window);
        let factor = *base;
        V::multiply(base, &factor, chosen, modulus);
    }
}
