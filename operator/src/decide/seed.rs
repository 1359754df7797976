//! What to do for a run that is not seeded.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{Decision, Effect, LOOK_AGAIN, Stage, later, until};
use crate::background::Kind;
use crate::facts::{Background, LedgerRun, Observed};

/// How long to wait before seeding that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);

pub(super) fn seed(observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = Decision::at(Stage::Seeding);
    match &observed.kek {
        Err(why) => return decision.failed("InvalidKek", why.clone()).again_after(LOOK_AGAIN),
        Ok(given) if *given != ledger.kek_fingerprint => {
            let wanted = &ledger.kek_fingerprint;
            return decision
                .failed(
                    "WrongKek",
                    format!("the run was created with another KEK: its fingerprint is {wanted}, that of the operator's is {given}; put the KEK of then into its Secret"),
                )
                .again_after(LOOK_AGAIN);
        }
        Ok(_) => {}
    }
    match &observed.background {
        Background::Seeding => decision,
        Background::Idle | Background::Deleting | Background::Failed { kind: Kind::Deleting, .. } => {
            decision.then(Effect::StartSeeding)
        }
        Background::Failed { kind: Kind::Seeding, message, at } => {
            let pause = until(later(*at, TRY_AGAIN), now);
            let decision =
                decision.hindered("SeedingFailed", format!("{message}; it is tried again by itself"));
            if pause.is_zero() { decision.then(Effect::StartSeeding) } else { decision.again_after(pause) }
        }
    }
}
