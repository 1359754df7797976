//! What goes wrong while sources are read. Drawn after all else, so that it changes nothing of what a seed gives without.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::{Keeper, Means, Planned, Shape, When, draw_fault};
use crate::fault::{Fault, Road};
use crate::input::Input;

/// Where the records come from. The operator of this harness has its generated, or reads a bucket: files of this machine,
/// and tables by a URL without a Secret, are not for it.
pub(super) fn draw_input(rng: &mut ChaCha8Rng, keeper: Keeper, means: Means) -> Input {
    match rng.random_range(0..10) {
        0..3 if means.store => Input::Bucket,
        _ if keeper == Keeper::Operator => Input::Generated,
        0..5 => Input::Files,
        5 => Input::Table,
        6 => Input::Replay,
        // By the supervisor, which closes batches whose period has passed.
        7..9 if keeper == Keeper::Supervisor => Input::Pushed,
        _ => Input::Generated,
    }
}

/// Fewer records: what is to go wrong here goes wrong while they come, and not while they are signed.
const RECORDS: std::ops::RangeInclusive<i64> = 1_500..=3_000;
const RECORDS_BESIDE: std::ops::RangeInclusive<i64> = 500..=1_500;

pub(super) fn draw_sizes(rng: &mut ChaCha8Rng, shape: &mut Shape) {
    shape.records = rng.random_range(RECORDS);
    for run in &mut shape.beside {
        run.records = rng.random_range(RECORDS_BESIDE);
    }
}

/// Two to five faults while the first run is read, which come before those that come as it is signed.
pub(super) fn draw_faults(rng: &mut ChaCha8Rng, shape: &Shape, means: Means, is_calm: bool) -> Vec<Planned> {
    let count = rng.random_range(2..=5);
    let mut received = 0.0;
    (0..count)
        .map(|number| {
            let fault = draw(rng, shape, means, is_calm);
            let when = if number > 0 && rng.random_bool(0.3) {
                When::After(Duration::from_millis(rng.random_range(0..800)))
            } else {
                received += rng.random_range(0.0..0.9 / f64::from(count));
                When::Received(received)
            };
            Planned { when, fault, pick: rng.random_range(0..1_000) }
        })
        .collect()
}

fn draw(rng: &mut ChaCha8Rng, shape: &Shape, means: Means, is_calm: bool) -> Fault {
    let mut seconds = |from: f64, to: f64| Duration::from_secs_f64(rng.random_range(from..to));
    let (beyond_lease, brief) = (shape.lease + seconds(0.2, 1.5), seconds(0.2, 3.0));
    let often = seconds(0.1, 0.6);
    let (rate, some) = (rng.random_range(50_000..500_000), rng.random_range(1..=6));
    let chosen = rng.random_range(0..if shape.input.is_far() { 22 } else { 12 });
    match chosen {
        0..4 if shape.input == Input::Pushed => Fault::KillGateway,
        4 if shape.input == Input::Pushed => Fault::StopGateway,
        5..7 if shape.input == Input::Pushed => Fault::PauseGateway(brief),
        0..4 => Fault::KillIntake,
        4 => Fault::StopIntake,
        5..7 => Fault::PauseIntake(beyond_lease),
        7..12 if !is_calm => draw_fault(rng, shape, means),
        12..14 => Fault::ToSource(Road::Freeze(brief)),
        14..16 => Fault::ToSource(Road::Reset),
        16 => Fault::ToSource(Road::ResetOften(often, brief)),
        17..19 => Fault::ToSource(Road::Trickle(rate, brief)),
        19 => Fault::ToSource(Road::LoseRequests(some)),
        20.. => Fault::ToSource(Road::LoseAnswers(some)),
        _ => Fault::KillIntake,
    }
}
