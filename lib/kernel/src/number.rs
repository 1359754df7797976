//! Numbers of eight records, digit by digit.

use zeroize::Zeroizing;

use crate::lanes::{DIGIT_BITS, DIGIT_MASK, LANES, Lanes};

/// Digits of a block: two blocks' product is what fits into the registers with room to spare.
pub(crate) const BLOCK: usize = 5;

/// Bits of a block.
pub(crate) const BLOCK_BITS: usize = BLOCK * DIGIT_BITS as usize;

/// `B` blocks of five digits of 52 bits, the lowest first. Unless said otherwise every digit is from 0 to 2⁵² − 1.
pub(crate) type Number<V, const B: usize> = [[V; BLOCK]; B];

/// Zero in every lane.
#[inline(always)]
pub(crate) fn zero<V: Lanes, const B: usize>() -> Number<V, B> {
    [[V::splat(0); BLOCK]; B]
}

/// The same digits in every lane.
pub(crate) fn splat<V: Lanes, const B: usize>(digits: &[u64]) -> Number<V, B> {
    let mut number = zero();
    for (to, digit) in number.as_flattened_mut().iter_mut().zip(digits) {
        *to = V::splat(*digit);
    }
    number
}

/// Carries until every digit is from 0 to 2⁵² − 1 but the last, which keeps the rest and thereby the sign.
#[inline(always)]
pub(crate) fn carry<V: Lanes, const B: usize>(number: &mut Number<V, B>) {
    let digits = number.as_flattened_mut();
    for place in 1..digits.len() {
        digits[place] = digits[place].plus(digits[place - 1].carry());
        digits[place - 1] = digits[place - 1].digit();
    }
}

/// Takes `modulus` away once from every lane where that leaves no less than zero.
#[inline(always)]
pub(crate) fn reduce_once<V: Lanes, const B: usize>(number: &mut Number<V, B>, modulus: &Number<V, B>) {
    let mut less = *number;
    for (digit, taken) in less.as_flattened_mut().iter_mut().zip(modulus.as_flattened()) {
        *digit = digit.minus(*taken);
    }
    carry(&mut less);
    let borrowed = less[B - 1][BLOCK - 1].if_negative();
    for (digit, taken) in less.as_flattened_mut().iter_mut().zip(modulus.as_flattened()) {
        *digit = digit.plus(taken.and(borrowed));
    }
    carry(&mut less);
    *number = less;
}

/// Which lanes' numbers are below a bound: everybody may know.
#[inline(always)]
pub(crate) fn is_below<V: Lanes, const B: usize>(
    number: &Number<V, B>,
    bound: &Number<V, B>,
) -> [bool; LANES] {
    let mut less = *number;
    for (digit, taken) in less.as_flattened_mut().iter_mut().zip(bound.as_flattened()) {
        *digit = digit.minus(*taken);
    }
    carry(&mut less);
    less[B - 1][BLOCK - 1].if_negative().reveal().to_lanes().map(|lane| lane != 0)
}

/// Which lanes' numbers are the same: everybody may know.
#[inline(always)]
pub(crate) fn is_equal<V: Lanes, const B: usize>(a: &Number<V, B>, b: &Number<V, B>) -> [bool; LANES] {
    a.as_flattened()
        .iter()
        .zip(b.as_flattened())
        .fold(V::splat(0), |bits, (a, b)| bits.or(a.xor(*b)))
        .reveal()
        .to_lanes()
        .map(|lane| lane == 0)
}

/// Digits from bytes in network order, one number for each lane.
pub(crate) fn read<V: Lanes, const B: usize>(bytes: [&[u8]; LANES]) -> Number<V, B> {
    let mut number = zero();
    for (place, digit) in number.as_flattened_mut().iter_mut().enumerate() {
        *digit = V::from_lanes(bytes.map(|bytes| digit_of(bytes, place)));
    }
    number
}

/// Up to eight numbers of `len` bytes, one straight after the other. Lanes that have none get the first one once more: the
/// time says nothing of how many there were, and no lane works on zeros.
pub(crate) fn read_eight<V: Lanes, const B: usize>(numbers: &[u8], len: usize) -> Number<V, B> {
    read(std::array::from_fn(|lane| {
        let from = if (lane + 1) * len > numbers.len() { 0 } else { lane * len };
        &numbers[from..from + len]
    }))
}

/// The digit at a place of a number in network order.
pub(crate) fn digit_of(bytes: &[u8], place: usize) -> u64 {
    let bits = DIGIT_BITS as usize;
    let (first, shift) = (place * bits / 8, place * bits % 8);
    // Eight bytes hold 52 bits at either of the two shifts, 0 and 4.
    let end = bytes.len().saturating_sub(first);
    let digit = bytes[end.saturating_sub(8)..end].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    (digit >> shift) & DIGIT_MASK
}

/// Bytes in network order from digits, one number from each lane.
#[expect(clippy::cast_possible_truncation, reason = "a byte is cut out of each two digits")]
pub(crate) fn write<V: Lanes, const B: usize>(
    number: &Number<V, B>,
    bytes: usize,
    mut to: impl FnMut(usize, &[u8]),
) {
    let digits = number.as_flattened().iter().map(|digit| digit.to_lanes());
    let digits: Zeroizing<Vec<[u64; LANES]>> = Zeroizing::new(digits.chain([[0; LANES]]).collect());
    let mut out = Zeroizing::new(vec![0; bytes]);
    for lane in 0..LANES {
        for (n, byte) in out.iter_mut().rev().enumerate() {
            let (place, shift) = (n * 8 / DIGIT_BITS as usize, n as u32 * 8 % DIGIT_BITS);
            *byte = match digits.get(place..place + 2) {
                Some(pair) => (pair[0][lane] >> shift | pair[1][lane] << (DIGIT_BITS - shift)) as u8,
                None => 0,
            };
        }
        to(lane, &out);
    }
}
