//! The private operation on eight numbers, and the public one that checks it.

#[cfg(test)]
use crate::fault::Place;
use crate::key::{PUBLIC_EXPONENT, Prime, PrivateKey};
use crate::lanes::Lanes;
use crate::montgomery::{Modulus, multiply_and_add};
use crate::number::{Number, carry, reduce_once};
use crate::window::{Table, power};
use crate::workspace::{PrimeLanes, Workspace};

/// Raises `full`, below 3·n, to the private exponent, by the Chinese remainder theorem. The result is below n.
#[inline(always)]
pub(crate) fn private<V: Lanes, const H: usize, const F: usize>(
    space: &mut Workspace<V, H, F>,
    key: &PrivateKey,
) {
    let Workspace { p, q, qinv, table, chosen, by_p, by_q, full, .. } = space;
    by_prime(by_p, full, p, &key.p, table, chosen);
    by_prime(by_q, full, q, &key.q, table, chosen);
    #[cfg(test)]
    {
        crate::fault::strike(Place::ByP, by_p);
        crate::fault::strike(Place::ByQ, by_q);
    }

    // Garner: with h = (s_p − s_q)/q modulo p, the result is s_q + h·q. s_q is below q and thereby below 2·p, so that
    // 2·p more make the difference positive, and s_p is below 2.01·p: it is below 4.01·p.
    reduce_once(by_q, &q.modulus.number);
    reduce_once(by_q, &q.modulus.number);
    for ((digit, other), prime) in
        by_p.as_flattened_mut().iter_mut().zip(by_q.as_flattened()).zip(p.modulus.number.as_flattened())
    {
        *digit = digit.minus(*other).plus(prime.plus(*prime));
    }
    carry(by_p);
    let difference = *by_p;
    V::multiply(by_p, &difference, qinv, &p.modulus);
    reduce_once(by_p, &p.modulus.number);
    reduce_once(by_p, &p.modulus.number);
    #[cfg(test)]
    crate::fault::strike(Place::Recombination, by_p);
    *full = multiply_and_add(by_p, &q.modulus.number, by_q);
    #[cfg(test)]
    crate::fault::strike(Place::Whole, full);
}

/// `number` to the prime's exponent, modulo the prime: below 2.01 times the prime.
#[inline(always)]
fn by_prime<V: Lanes, const H: usize, const F: usize>(
    to: &mut Number<V, H>,
    number: &Number<V, F>,
    lanes: &PrimeLanes<V, H>,
    prime: &Prime,
    table: &mut Table<V, H>,
    chosen: &mut Number<V, H>,
) {
    // number = upper·R + lower. Times R, that is lower·R² / R + upper·R³ / R. Both halves are below R, so each product
    // is below 3.01·p, and the sum below 6.02·p.
    let (lower, upper) = number.split_at(H);
    let mut half = crate::number::zero();
    half.copy_from_slice(lower);
    V::multiply(to, &half, &lanes.modulus.r2, &lanes.modulus);
    half.copy_from_slice(upper);
    V::multiply(chosen, &half, &lanes.r3, &lanes.modulus);
    for (digit, more) in to.as_flattened_mut().iter_mut().zip(chosen.as_flattened()) {
        *digit = digit.plus(*more);
    }
    carry(to);
    power(to, &prime.windows, &lanes.modulus, table, chosen);
    let mut one = crate::number::zero();
    one[0][0] = V::splat(1);
    let montgomery = *to;
    V::multiply(to, &montgomery, &one, &lanes.modulus);
}

/// `number` to the public exponent, below n: `number` is below n.
#[inline(always)]
pub(crate) fn public<V: Lanes, const F: usize>(
    number: &Number<V, F>,
    modulus: &Modulus<V, F>,
) -> Number<V, F> {
    const { assert!(PUBLIC_EXPONENT == 1 << 16 | 1) };
    let mut result = crate::number::zero();
    V::multiply(&mut result, number, &modulus.r2, modulus);
    V::square(&mut result, 16, modulus);
    let montgomery = result;
    V::multiply(&mut result, &montgomery, number, modulus);
    reduce_once(&mut result, &modulus.number);
    reduce_once(&mut result, &modulus.number);
    result
}

/// `number` to the public exponent, both in Montgomery's form and below 2.01·n.
pub(crate) fn to_the_public_exponent<V: Lanes, const F: usize>(
    number: &mut Number<V, F>,
    modulus: &Modulus<V, F>,
) {
    let base = *number;
    V::square(number, 16, modulus);
    let power = *number;
    V::multiply(number, &power, &base, modulus);
}
