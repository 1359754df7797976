//! A bit that flips while a signature is made.

use std::cell::Cell;

use crate::lanes::Lanes;
use crate::number::Number;

/// Where it flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the power modulo p.
    ByP,
    /// In the power modulo q.
    ByQ,
    /// In the multiple of q that the remainder theorem adds.
    Recombination,
    /// In what the remainder theorem has put together, which is still blinded.
    Whole,
    /// In x or y of a nonce's point, before it is divided by z.
    Point,
    /// In a nonce, after its point was made.
    Nonce,
    /// In the hash that a response is made of.
    Challenge,
    /// In a response.
    Response,
    /// In r, before s is made of it.
    Remainder,
    /// In r as it leaves.
    LeavingR,
    /// In s as it leaves.
    LeavingS,
}

thread_local! {
    static ARMED: Cell<Option<(Place, usize, usize, u32)>> = const { Cell::new(None) };
}

/// The next private operation on this thread flips this bit of this digit of this lane.
pub(crate) fn arm(place: Place, lane: usize, digit: usize, bit: u32) {
    ARMED.set(Some((place, lane, digit, bit)));
}

/// Whether what was armed has struck.
pub(crate) fn has_struck() -> bool {
    ARMED.get().is_none()
}

/// Flips the bit if it was armed for this place.
pub(crate) fn strike<V: Lanes, const B: usize>(at: Place, number: &mut Number<V, B>) {
    if let Some((place, lane, digit, bit)) = ARMED.get()
        && place == at
    {
        ARMED.set(None);
        let digit = &mut number.as_flattened_mut()[digit];
        let mut lanes = digit.to_lanes();
        lanes[lane] ^= 1 << bit;
        *digit = V::from_lanes(lanes);
    }
}
