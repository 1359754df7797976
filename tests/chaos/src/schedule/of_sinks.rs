//! What goes wrong while batches are brought to sinks. Drawn after all else, so that it changes nothing of what a seed gives without.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::{Keeper, Means, Planned, When};
use crate::fault::{Fault, Road};
use crate::output::Output;

/// Where the batches are brought. The operator of this harness has no sinks.
pub(super) fn draw_output(rng: &mut ChaCha8Rng, keeper: Keeper, means: Means) -> Output {
    match rng.random_range(0..10) {
        _ if keeper == Keeper::Operator => Output::Nowhere,
        0..3 => Output::Folder,
        3..5 if means.store => Output::Bucket,
        _ => Output::Nowhere,
    }
}

/// Two to five faults: some among those that come before, and the others as the first run is brought there.
pub(super) fn draw_faults(rng: &mut ChaCha8Rng, output: Output, faults: &mut Vec<Planned>) {
    let count = rng.random_range(2..=5);
    let mut delivered = 0.3;
    for _ in 0..count {
        let (fault, pick) = (draw(rng, output), rng.random_range(0..1_000));
        if rng.random_bool(0.4) {
            let place = rng.random_range(0..=faults.len());
            let when = When::After(Duration::from_millis(rng.random_range(0..1_500)));
            faults.insert(place, Planned { when, fault, pick });
        } else {
            delivered += rng.random_range(0.0..0.6 / f64::from(count));
            faults.push(Planned { when: When::Delivered(delivered), fault, pick });
        }
    }
}

fn draw(rng: &mut ChaCha8Rng, output: Output) -> Fault {
    let mut seconds = |from: f64, to: f64| Duration::from_secs_f64(rng.random_range(from..to));
    // Longer than batches are a delivery's.
    let (beyond, brief, often) = (seconds(5.2, 7.0), seconds(0.2, 3.0), seconds(0.1, 0.6));
    let (rate, some) = (rng.random_range(50_000..500_000), rng.random_range(1..=6));
    match rng.random_range(0..20) {
        0..6 => Fault::KillDelivery,
        6..8 => Fault::StopDelivery,
        8..10 => Fault::PauseDelivery(beyond),
        10.. if output == Output::Folder => Fault::TakeSinkAway(brief),
        10..12 => Fault::ToSink(Road::Freeze(brief)),
        12..14 => Fault::ToSink(Road::Reset),
        14 => Fault::ToSink(Road::ResetOften(often, brief)),
        15 => Fault::ToSink(Road::Trickle(rate, brief)),
        16..18 => Fault::ToSink(Road::LoseRequests(some)),
        _ => Fault::ToSink(Road::LoseAnswers(some)),
    }
}
