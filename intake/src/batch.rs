//! Arrivals, gathered until they are worth a transaction.

use chancery_reading::{Arrival, Dead, Outcome};
use chancery_store::intake::{Admission, DeadArrival};

/// Bytes that are gathered: with what sending them takes, a few times as much.
const BYTES: usize = 2 << 20;

/// Arrivals that are gathered.
const PAYLOADS: usize = 10_000;

/// Dead letters that are gathered.
const DEAD: usize = 100;

/// Adds an arrival.
pub(crate) fn add(admission: &mut Admission, arrival: Arrival) {
    let Arrival { position, next_position, outcome, identity: _ } = arrival;
    // Positions have 63 bits.
    let signed = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
    match outcome {
        Outcome::Payload(payload) => {
            admission.payloads.push(&payload);
            admission.positions.push(signed(position.0));
        }
        Outcome::Dead(Dead { stage, reason, raw }) => admission.dead.push(DeadArrival {
            position: signed(position.0),
            stage: format!("{stage:?}"),
            reason: reason.to_string(),
            raw: raw.to_vec(),
        }),
    }
    admission.next = signed(next_position.0);
}

/// Whether it is time to admit them.
pub(crate) fn is_full(admission: &Admission) -> bool {
    let dead: usize = admission.dead.iter().map(|dead| dead.raw.len()).sum();
    admission.payloads.bytes() + dead >= BYTES
        || admission.payloads.len() >= PAYLOADS
        || admission.dead.len() >= DEAD
}
