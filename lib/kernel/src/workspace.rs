//! Where a batch is signed: a key's numbers in every lane, and all memory that secrets are written to.

use std::sync::atomic::{Ordering, compiler_fence};

use crate::key::{ModulusDigits, Prime, PrivateKey};
use crate::lanes::Lanes;
use crate::montgomery::Modulus;
use crate::number::{Number, splat, zero};
use crate::window::Table;

/// A prime's numbers in every lane.
pub(crate) struct PrimeLanes<V, const H: usize> {
    pub(crate) modulus: Modulus<V, H>,
    pub(crate) r3: Number<V, H>,
}

/// One allocation with a known place, so that it can be overwritten in the end. `H` blocks hold a prime, `F` = 2·`H` the
/// modulus.
pub(crate) struct Workspace<V: Lanes, const H: usize, const F: usize> {
    pub(crate) p: PrimeLanes<V, H>,
    pub(crate) q: PrimeLanes<V, H>,
    pub(crate) n: Modulus<V, F>,
    pub(crate) qinv: Number<V, H>,
    /// r^e, times R: hides a message.
    pub(crate) blind: Number<V, F>,
    /// 1/r, times R: shows a signature.
    pub(crate) unblind: Number<V, F>,
    pub(crate) table: Table<V, H>,
    pub(crate) chosen: Number<V, H>,
    pub(crate) by_p: Number<V, H>,
    pub(crate) by_q: Number<V, H>,
    pub(crate) full: Number<V, F>,
}

impl<V: Lanes, const B: usize> Modulus<V, B> {
    pub(crate) fn new(digits: &ModulusDigits) -> Self {
        Self {
            number: splat(&digits.number),
            folded: splat(&digits.folded),
            inverse: splat::<V, 1>(&digits.inverse)[0],
            r2: splat(&digits.r2),
        }
    }
}

impl<V: Lanes, const H: usize> PrimeLanes<V, H> {
    fn new(prime: &Prime) -> Self {
        Self { modulus: Modulus::new(&prime.modulus), r3: splat(&prime.r3) }
    }
}

impl<V: Lanes, const H: usize, const F: usize> Workspace<V, H, F> {
    pub(crate) fn new(key: &PrivateKey) -> Box<Self> {
        Box::new(Self {
            p: PrimeLanes::new(&key.p),
            q: PrimeLanes::new(&key.q),
            n: Modulus::new(&key.n),
            qinv: splat(&key.qinv),
            blind: zero(),
            unblind: zero(),
            table: [zero(); 16],
            chosen: zero(),
            by_p: zero(),
            by_q: zero(),
            full: zero(),
        })
    }
}

impl<V: Lanes, const H: usize, const F: usize> Drop for Workspace<V, H, F> {
    fn drop(&mut self) {
        let Self { p, q, n: _, qinv, blind, unblind, table, chosen, by_p, by_q, full } = self;
        for prime in [p, q] {
            let PrimeLanes { modulus: Modulus { number, folded, inverse, r2 }, r3 } = prime;
            wipe(number);
            wipe(folded);
            wipe(std::array::from_mut(inverse));
            wipe(r2);
            wipe(r3);
        }
        for number in table {
            wipe(number);
        }
        for number in [qinv, chosen, by_p, by_q] {
            wipe(number);
        }
        for number in [blind, unblind, full] {
            wipe(number);
        }
    }
}

/// Overwrites a number in a way that the compiler does not leave out.
pub(crate) fn wipe<V: Lanes, const B: usize>(number: &mut Number<V, B>) {
    for digit in number.as_flattened_mut() {
        // SAFETY: the reference is valid for writes and aligned; vectors have nothing to drop.
        unsafe { std::ptr::write_volatile(digit, V::splat(0)) };
    }
    compiler_fence(Ordering::SeqCst);
}
