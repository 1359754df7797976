//! Whether times tell anything of a secret: dudect's method (<https://eprint.iacr.org/2016/1123>).
//!
//! The same work is done on a fixed input and on random ones, in random order and in the same memory. Welch's t-test
//! says whether the two kinds take different times, for all of them and for the fastest parts of them, where a
//! difference is not hidden by what else the machine does.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rsa::KeySize;
use rsa::BigUint;

use super::keys::{Key, Numbers, OwnedParts};
use crate::key::ModulusDigits;
use crate::lanes::{DIGIT_MASK, Ifma, Lanes as _};
use crate::montgomery::Modulus;
use crate::number::{Number, splat, zero};
use crate::window::{Table, power};
use crate::{Kernel, LANES};

/// Beyond it the two kinds differ. The bound is the one of dudect's authors.
pub(super) const DIFFERENT: f64 = 10.0;

/// Parts of the samples that are compared, from the fastest on, in percent.
const FASTEST: [usize; 6] = [25, 50, 75, 90, 99, 100];

/// The greatest t of so many samples. `prepare` makes an input: it is given all bits for a random one and none for the fixed
/// one, and goes the same way for both, as the processor would be in another state otherwise.
pub(super) fn greatest_t<I>(
    samples: usize,
    input: &mut I,
    prepare: impl Fn(&mut I, u64, &mut Numbers),
    work: impl Fn(&mut I),
) -> f64 {
    let mut numbers = Numbers(samples as u64);
    let mut taken: Vec<(f64, bool)> = (0..samples)
        .map(|_| {
            let random = numbers.next() & 1 == 1;
            prepare(input, black_box(u64::from(random).wrapping_neg()), &mut numbers);
            let began = Instant::now();
            work(input);
            (began.elapsed().as_nanos() as f64, random)
        })
        .collect();
    taken.sort_by(|one, other| one.0.total_cmp(&other.0));
    FASTEST.map(|percent| welch(&taken[..samples * percent / 100])).into_iter().fold(0.0, f64::max)
}

/// Welch's t, without its sign.
fn welch(samples: &[(f64, bool)]) -> f64 {
    let kind = |wanted: bool| {
        let of: Vec<f64> =
            samples.iter().filter(|(_, random)| *random == wanted).map(|(time, _)| *time).collect();
        let count = of.len() as f64;
        let mean = of.iter().sum::<f64>() / count;
        let variance = of.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((fixed, fixed_error), (random, random_error)) = (kind(false), kind(true));
    let error = (fixed_error + random_error).sqrt();
    if error > 0.0 { (fixed - random).abs() / error } else { 0.0 }
}

/// What the arithmetic of a prime of 1024 bits works on.
struct Operands {
    modulus: Modulus<Ifma, 4>,
    a: Number<Ifma, 4>,
    b: Number<Ifma, 4>,
    table: Table<Ifma, 4>,
    windows: Vec<u8>,
}

impl Operands {
    fn new(prime: &ModulusDigits) -> Box<Self> {
        let mut numbers = Numbers(3);
        Box::new(Self {
            modulus: Modulus::new(prime),
            a: zero(),
            b: zero(),
            table: std::array::from_fn(|_| digits(u64::MAX, &mut numbers)),
            windows: vec![0; 256],
        })
    }
}

/// Below a prime, in every lane the same: the highest digit is left zero, as are all bits that are not in the mask.
fn digits(mask: u64, numbers: &mut Numbers) -> Number<Ifma, 4> {
    splat(&std::array::from_fn::<u64, 19, _>(|_| numbers.next() & DIGIT_MASK & mask))
}

fn operands(to: &mut Box<Operands>, mask: u64, numbers: &mut Numbers) {
    to.a = digits(mask, numbers);
    to.b = digits(mask, numbers);
}

fn windows(to: &mut Box<Operands>, mask: u64, numbers: &mut Numbers) {
    for window in &mut to.windows {
        *window = u8::try_from(numbers.next() & mask & 15).expect("four bits");
    }
    to.a = digits(u64::MAX, numbers);
}

/// A power that leaves out what a window of zero does not need, as one must not.
fn leaking_power(of: &mut Operands) {
    for window in &of.windows {
        Ifma::square(&mut of.a, 4, &of.modulus);
        if *window != 0 {
            Ifma::choose(&mut of.b, &of.table, *window);
            let factor = of.a;
            Ifma::multiply(&mut of.a, &factor, &of.b, &of.modulus);
        }
    }
}

/// All parts of the length that the key's size gives them.
fn filled(parts: &OwnedParts) -> OwnedParts {
    let fill = |part: &Vec<u8>| {
        let mut filled = vec![0; parts.n.len() / 2 - part.len()];
        filled.extend(part);
        filled
    };
    let OwnedParts { n, e, p, q, dp, dq, qinv } = parts;
    let [p, q, dp, dq, qinv] = [p, q, dp, dq, qinv].map(fill);
    OwnedParts { n: n.clone(), e: e.clone(), p, q, dp, dq, qinv }
}

/// The bytes of one key in the memory of another.
fn overwrite(to: &mut OwnedParts, from: &OwnedParts) {
    let OwnedParts { n, e, p, q, dp, dq, qinv } = to;
    let all = [n, e, p, q, dp, dq, qinv];
    let OwnedParts { n, e, p, q, dp, dq, qinv } = from;
    for (to, from) in all.into_iter().zip([n, e, p, q, dp, dq, qinv]) {
        to.copy_from_slice(from);
    }
}

fn of_arithmetic(prime: &ModulusDigits) -> [(&'static str, f64); 4] {
    let mut own = Operands::new(prime);
    let products = greatest_t(200_000, &mut own, operands, |of| {
        for _ in 0..16 {
            let factor = of.a;
            Ifma::multiply(&mut of.a, &factor, &of.b, &of.modulus);
        }
    });
    let squares = greatest_t(200_000, &mut own, operands, |of| Ifma::square(&mut of.a, 16, &of.modulus));
    let choices = greatest_t(200_000, &mut own, windows, |of| {
        for window in &of.windows[..16] {
            Ifma::choose(&mut of.b, &of.table, *window);
        }
    });
    let powers = greatest_t(20_000, &mut own, windows, |of| {
        let Operands { modulus, a, b, table, windows } = &mut **of;
        by_the_kernel(a, windows, modulus, table, b);
    });
    [("products", products), ("squares", squares), ("look-ups", choices), ("powers", powers)]
}

/// [`power`], compiled as the kernel has it.
fn by_the_kernel(
    base: &mut Number<Ifma, 4>,
    exponent: &[u8],
    modulus: &Modulus<Ifma, 4>,
    table: &mut Table<Ifma, 4>,
    chosen: &mut Number<Ifma, 4>,
) {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    fn compiled(
        base: &mut Number<Ifma, 4>,
        exponent: &[u8],
        modulus: &Modulus<Ifma, 4>,
        table: &mut Table<Ifma, 4>,
        chosen: &mut Number<Ifma, 4>,
    ) {
        power(base, exponent, modulus, table, chosen);
    }
    // SAFETY: the test goes on only where there is a `Kernel`: the processor has what the function is compiled for.
    unsafe { compiled(base, exponent, modulus, table, chosen) }
}

fn of_keys(parts: &[OwnedParts]) -> f64 {
    let mut own = parts[0].clone();
    let prepare = |to: &mut OwnedParts, mask: u64, numbers: &mut Numbers| {
        overwrite(to, &parts[usize::try_from(numbers.next() & mask & 15).expect("four bits")]);
    };
    greatest_t(20_000, &mut own, prepare, |parts| drop(parts.key().expect("the kernel takes the key")))
}

fn of_signatures(kernel: Kernel, key: &Key) -> f64 {
    let mut own = (vec![0; LANES * key.len()], Vec::new());
    let fixed = key.bytes(&BigUint::from(1_u32)).repeat(LANES);
    let prepare = |to: &mut (Vec<u8>, Vec<u8>), mask: u64, numbers: &mut Numbers| {
        let mask = mask.to_le_bytes()[0];
        let drawn = (0..LANES).flat_map(|_| key.bytes(&numbers.below(key.n())));
        for ((to, drawn), fixed) in to.0.iter_mut().zip(drawn).zip(&fixed) {
            *to = drawn & mask | fixed & !mask;
        }
        to.1.clear();
    };
    greatest_t(5_000, &mut own, prepare, |(messages, signatures)| {
        kernel.sign(&key.kernel, messages, signatures).expect("the kernel signs");
    })
}

#[test]
#[ignore = "takes a minute of a quiet core, and measures time: see docs/internals/kernel.md"]
#[expect(clippy::print_stdout, reason = "what was measured is for the reader")]
fn times_tell_nothing_of_primes_exponents_and_messages() {
    let Some(kernel) = super::kernel() else { return };
    let keys: Vec<Key> = (0..16).map(|_| Key::generate(KeySize::Rsa2048)).collect();
    let parts: Vec<OwnedParts> = keys.iter().map(|key| filled(&OwnedParts::of(&key.rsa))).collect();
    let mut found = of_arithmetic(&keys[0].kernel.p.modulus).to_vec();
    found.push(("keys", of_keys(&parts)));
    found.push(("signatures", of_signatures(kernel, &keys[0])));
    let leak =
        greatest_t(2_000, &mut Operands::new(&keys[0].kernel.p.modulus), windows, |of| leaking_power(of));
    for (what, t) in &found {
        println!("{what:<12} t = {t:.1}");
    }
    println!("a planted leak t = {leak:.1}");
    assert!(leak > DIFFERENT, "a leak is not seen: t = {leak}");
    assert!(found.iter().all(|(_, t)| *t < DIFFERENT), "{found:?}");
}
