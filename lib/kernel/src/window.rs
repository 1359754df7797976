//! Powers with a secret exponent: a table of sixteen powers, read whole for every use.
//!
//! Windows of four bits: the table of a 1024-bit prime is 20 KB and stays in the first cache beside the operands. One
//! of five bits would save 51 multiplications of 1,280, and cost more than that for reading twice as much.

use std::hint::black_box;

use crate::lanes::Lanes;
use crate::montgomery::Modulus;
use crate::number::{BLOCK, Number};

/// The powers 0 to 15.
pub(crate) type Table<V, const B: usize> = [Number<V, B>; 16];

/// Copies the entry at `index`, which no address and no branch depends on.
#[inline(always)]
pub(crate) fn choose<V: Lanes, const B: usize>(to: &mut Number<V, B>, table: &Table<V, B>, index: u8) {
    let masks: [V; 16] = std::array::from_fn(|entry| {
        let differs = u64::try_from(entry).unwrap_or(0) ^ u64::from(index);
        // All bits where nothing differs. The compiler must not know that it is one of two values.
        V::splat(black_box(differs.wrapping_sub(1).cast_signed() >> 63).cast_unsigned())
    });
    for block in 0..B {
        for digit in 0..BLOCK {
            let mut chosen = V::splat(0);
            for (entry, mask) in table.iter().zip(masks) {
                chosen = chosen.or(entry[block][digit].and(mask));
            }
            to[block][digit] = chosen;
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
