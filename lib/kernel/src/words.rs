//! Numbers of 64-bit words, the lowest first: what a key is prepared with. The time depends on lengths, never on values.

use std::hint::black_box;

use zeroize::Zeroizing;

/// A secret number. It is never longer than it was made, so that all of it is overwritten in the end.
pub(crate) type Words = Zeroizing<Vec<u64>>;

/// From network order; the length is a multiple of eight bytes.
pub(crate) fn from_bytes(bytes: &[u8]) -> Words {
    let words =
        bytes.rchunks_exact(8).map(|word| word.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)));
    Zeroizing::new(words.collect())
}

/// The low word of two.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is not asked for")]
pub(crate) const fn low(number: u128) -> u64 {
    number as u64
}

/// The low and the high word.
const fn halves(number: u128) -> (u64, u64) {
    (low(number), low(number >> 64))
}

/// Adds `a` times `factor`, and returns what is carried out of the last word. With w = 2^64 a sum is at the most (w − 1)² + 2·(w − 1) = w² − 1, which two
/// words hold.
fn add_multiple(to: &mut [u64], a: &[u64], factor: u64) -> u64 {
    let mut carry = 0;
    for (to, a) in to.iter_mut().zip(a) {
        (*to, carry) = halves(u128::from(*a) * u128::from(factor) + u128::from(*to) + u128::from(carry));
    }
    carry
}

/// All words of the product.
pub(crate) fn product(a: &[u64], b: &[u64]) -> Words {
    let mut product = Zeroizing::new(vec![0; a.len() + b.len()]);
    for (place, factor) in b.iter().enumerate() {
        let carry = add_multiple(&mut product[place..place + a.len()], a, *factor);
        product[place + a.len()] = carry;
    }
    product
}

/// Adds one, modulo 2^(64·words).
pub(crate) fn increment(number: &mut [u64]) {
    let mut carry = 1;
    for word in number {
        (*word, carry) = halves(u128::from(*word) + u128::from(carry));
    }
}

/// The number that gives zero with this one, modulo 2^(64·words).
fn negated(number: &[u64]) -> Words {
    let mut negated = Zeroizing::new(number.iter().map(|word| !word).collect::<Vec<_>>());
    increment(&mut negated);
    negated
}

/// −1/m modulo 2^(64·`words`) for an odd m, by Newton's iteration: each step doubles the correct low bits.
pub(crate) fn negative_inverse(modulus: &[u64], words: usize) -> Words {
    let low = &modulus[..words];
    // Every odd number is its own inverse modulo 8: three bits are right, then 6, 12, … 384.
    let mut inverse = negated(low);
    for _ in 0..7 {
        let mut factor = product(low, &inverse);
        increment(&mut factor[..words]);
        increment(&mut factor[..words]);
        let next = product(&inverse, &factor[..words]);
        inverse.copy_from_slice(&next[..words]);
    }
    inverse
}

/// Takes the modulus away once where that leaves no less than zero. `above` is the word above the number, zero or one.
fn reduce_once(number: &mut [u64], above: u64, modulus: &[u64]) {
    let mut less = Zeroizing::new(number.to_vec());
    let mut borrow = 0;
    for (word, taken) in less.iter_mut().zip(modulus) {
        let difference = u128::from(*word).wrapping_sub(u128::from(*taken)).wrapping_sub(u128::from(borrow));
        (*word, borrow) = halves(difference);
        borrow &= 1;
    }
    // All bits where the number stays as it is. The compiler must not know that it is one of two values.
    let stays = black_box((borrow & (above ^ 1)).wrapping_neg());
    for (word, less) in number.iter_mut().zip(less.iter()) {
        *word = (*word & stays) | (less & !stays);
    }
}

/// A modulus that is odd and whose highest bit is one.
pub(crate) struct Odd<'a> {
    modulus: &'a [u64],
    /// −1/m modulo 2⁶⁴.
    inverse: u64,
}

impl<'a> Odd<'a> {
    pub(crate) const fn new(modulus: &'a [u64], inverse: u64) -> Self {
        Self { modulus, inverse }
    }

    fn bits(&self) -> usize {
        self.modulus.len() * 64
    }

    fn double(&self, number: &mut [u64]) {
        let mut above = 0;
        for word in number.iter_mut() {
            (*word, above) = halves(u128::from(*word) << 1 | u128::from(above));
        }
        reduce_once(number, above, self.modulus);
    }

    /// a·b/2^bits modulo m, by Montgomery, where `b` is below m.
    pub(crate) fn multiply(&self, a: &[u64], b: &[u64]) -> Words {
        let len = self.modulus.len();
        let mut sum = product(a, b);
        let mut above = 0;
        for place in 0..len {
            let quotient = sum[place].wrapping_mul(self.inverse);
            let carry = add_multiple(&mut sum[place..place + len], self.modulus, quotient);
            (sum[place + len], above) =
                halves(u128::from(sum[place + len]) + u128::from(carry) + u128::from(above));
        }
        // a is below 2^bits and b below m, so a·b/2^bits is below m, and what was added to it is no more than m.
        let mut result = Zeroizing::new(sum[len..].to_vec());
        reduce_once(&mut result, above, self.modulus);
        result
    }

    /// 2^`exponent` modulo m, for an exponent of no less than m's bits. It is public, and may be branched on.
    pub(crate) fn power_of_two(&self, exponent: usize) -> Words {
        let exponent = exponent - self.bits();
        // 2^bits, which is 2⁰ in Montgomery's form. As the highest bit of m is one, 2^bits − m is below m.
        let mut power = negated(self.modulus);
        // The first six bits of the exponent by doublings, each further one by a square.
        let squares = exponent.checked_ilog2().unwrap_or(0).saturating_sub(5);
        for _ in 0..exponent >> squares {
            self.double(&mut power);
        }
        for bit in (0..squares).rev() {
            power = self.multiply(&power, &power);
            if exponent >> bit & 1 == 1 {
                self.double(&mut power);
            }
        }
        power
    }

    /// `number` times 2^`exponent` modulo m: the number is of as many words as m.
    pub(crate) fn shifted(&self, number: &[u64], exponent: usize) -> Words {
        self.multiply(number, &self.power_of_two(exponent + self.bits()))
    }
}
