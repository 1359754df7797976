//! Whether times tell anything of a secret: see `tests/timing.rs`.

use super::super::keys::Numbers;
use super::super::timing::{DIFFERENT, greatest_t};
use crate::lanes::{DIGIT_MASK, Ifma, Lanes as _};
use crate::number::{BLOCK, Number, splat};
use crate::p256::base::{self, BaseTable, ROWS};
use crate::p256::point::Point;
use crate::rows::window;
use crate::{Kernel, LANES, P256Key};

/// A scalar's signed bits, and a multiple.
struct Multiple {
    signs: Number<Ifma, 1>,
    point: Point<Ifma>,
    table: &'static BaseTable,
}

fn signs(to: &mut Multiple, mask: u64, numbers: &mut Numbers) {
    to.signs = splat(&std::array::from_fn::<u64, BLOCK, _>(|_| numbers.next() & DIGIT_MASK & mask));
}

/// A multiplication that leaves out a part of the work for windows of zero, as one must not.
fn leaking_multiple(of: &mut Multiple) {
    for row in 0..ROWS {
        if window(&of.signs[0], row).to_lanes()[0] != 0 {
            Ifma::multiply_p256(&mut of.point, &of.signs, of.table);
        }
    }
}

fn of_keys() -> f64 {
    let Some(kernel) = Kernel::available() else { return 0.0 };
    let seed = |to: &mut [u8; 32], mask: u64, numbers: &mut Numbers| {
        *to = numbers.digest().map(|byte| byte & mask.to_le_bytes()[0]);
    };
    greatest_t(50_000, &mut [0; 32], seed, |seed| drop(P256Key::new(kernel, seed)))
}

fn of_signatures(kernel: Kernel) -> f64 {
    let key = P256Key::new(kernel, &Numbers(33).digest());
    let mut own = ([[0_u8; 32]; LANES], Vec::new());
    let prepare = |to: &mut ([[u8; 32]; LANES], Vec<u8>), mask: u64, numbers: &mut Numbers| {
        to.0 = [(); LANES].map(|()| numbers.digest().map(|byte| byte & mask.to_le_bytes()[0]));
        to.1.clear();
    };
    greatest_t(50_000, &mut own, prepare, |(messages, signatures)| {
        kernel.sign_p256_while(&key, messages, &mut || true, signatures).expect("the kernel signs");
    })
}

#[test]
#[ignore = "takes a minute of a quiet core, and measures time: see docs/internals/kernel-p256.md"]
#[expect(clippy::print_stdout, reason = "what was measured is for the reader")]
fn times_tell_nothing_of_scalars_keys_and_digests() {
    let Some(kernel) = super::super::kernel() else { return };
    let mut own = Multiple { signs: splat(&[]), point: Point::neutral(), table: base::table::<Ifma>() };
    let multiples = greatest_t(100_000, &mut own, signs, |of| {
        Ifma::multiply_p256(&mut of.point, &of.signs, of.table);
    });
    let found = [("multiples", multiples), ("keys", of_keys()), ("signatures", of_signatures(kernel))];
    let leak = greatest_t(2_000, &mut own, signs, leaking_multiple);
    for (what, t) in &found {
        println!("{what:<12} t = {t:.1}");
    }
    println!("a planted leak t = {leak:.1}");
    assert!(leak > DIFFERENT, "a leak is not seen: t = {leak}");
    assert!(found.iter().all(|(_, t)| *t < DIFFERENT), "{found:?}");
}
