//! A bit that flips while a signature is made.

use std::cell::Cell;

use crate::lanes::Lanes;
use crate::number::Number;

thread_local! {
    static ARMED: Cell<Option<(usize, usize, u32)>> = const { Cell::new(None) };
}

/// The next private operation on this thread flips this bit of this digit of this lane.
pub(crate) fn arm(lane: usize, digit: usize, bit: u32) {
    ARMED.set(Some((lane, digit, bit)));
}

/// Flips the bit that was armed.
pub(crate) fn strike<V: Lanes, const B: usize>(number: &mut Number<V, B>) {
    if let Some((lane, digit, bit)) = ARMED.take() {
        let digit = &mut number.as_flattened_mut()[digit];
        let mut lanes = digit.to_lanes();
        lanes[lane] ^= 1 << bit;
        *digit = V::from_lanes(lanes);
    }
}
