//! Arrivals, gathered until they are worth a transaction.

use chancery_reading::{Arrival, Dead, Outcome};
use chancery_sources::identity::{self, Identify, NoIdentity};
use chancery_store::intake::{Admission, DeadArrival};

/// Bytes that are gathered: with what sending them takes, a few times as much.
const BYTES: usize = 1 << 20;

/// Arrivals that are gathered.
const PAYLOADS: usize = 10_000;

/// Dead letters that are gathered.
const DEAD: usize = 100;

/// Adds an arrival.
pub(crate) fn add(admission: &mut Admission, arrival: Arrival, identify: Option<&Identify>) {
    let Arrival { position, next_position, outcome, identity } = arrival;
    // Positions have 63 bits.
    let signed = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
    match outcome {
        Outcome::Payload(payload) => {
            let named = identify.map(|identify| identify.of_event(&payload, identity.as_ref()));
            add_named(admission, signed(position.0), &payload, named);
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

/// Adds a payload, with what names it, or as a dead letter if nothing does.
pub(crate) fn add_payload(
    admission: &mut Admission,
    position: i64,
    payload: &[u8],
    identify: Option<&Identify>,
) {
    add_named(admission, position, payload, identify.map(|identify| identify.of(payload)));
}

fn add_named(
    admission: &mut Admission,
    position: i64,
    payload: &[u8],
    named: Option<Result<Vec<u8>, NoIdentity>>,
) {
    if let Some(named) = named {
        match named {
            Ok(identity) => admission.identities.push(&identity),
            Err(reason) => {
                admission.dead.push(DeadArrival {
                    position,
                    stage: identity::STAGE.to_owned(),
                    reason: reason.to_string(),
                    raw: payload.to_vec(),
                });
                return;
            }
        }
    }
    admission.payloads.push(payload);
    admission.positions.push(position);
}

/// Whether it is time to admit them.
pub(crate) fn is_full(admission: &Admission) -> bool {
    let dead: usize = admission.dead.iter().map(|dead| dead.raw.len()).sum();
    admission.payloads.bytes() + admission.identities.bytes() + dead >= BYTES
        || admission.payloads.len() >= PAYLOADS
        || admission.dead.len() >= DEAD
}
