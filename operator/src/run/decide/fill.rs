//! What to do for a run whose keyring lacks keys. Whichever of its runs began to fill it, any of them continues.

use std::time::Duration;

use chancery_api::Reason;
use k8s_openapi::jiff::Timestamp;

use crate::host::background::WorkState;
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN, Stage};
use crate::run::decide::time::{later, until};
use crate::run::facts::{LedgerRun, Observed};
use crate::run::room::Room;

/// How long to wait before filling that failed is retried.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(10);

pub(super) fn fill(observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = Decision::at(Stage::Seeding);
    match &observed.kek {
        Err(why) => return decision.failed(Reason::InvalidKek, why.clone()).again_after(LOOK_AGAIN),
        Ok(given) if *given != ledger.kek_fingerprint => {
            let wanted = &ledger.kek_fingerprint;
            return decision
                .failed(
                    Reason::WrongKek,
                    format!("the run's keyring was made with another KEK: its fingerprint is {wanted}, and that of the operator's KEK is {given}; put the KEK with which the keyring was made into the operator's Secret"),
                )
                .again_after(LOOK_AGAIN);
        }
        Ok(_) => {}
    }
    if observed.background.filling != WorkState::UnderWay
        && let Room::Short { below_floor: true, why } = &observed.room
    {
        return decision.blocked(Reason::DatabaseNearlyFull, why).again_after(LOOK_AGAIN);
    }
    match &observed.background.filling {
        WorkState::UnderWay => decision,
        WorkState::Idle => decision.then(Effect::StartFilling),
        WorkState::Failed { message, at } => {
            let pause = until(later(*at, RETRY_PAUSE), now);
            let decision = decision.blocked(
                Reason::FillingFailed,
                format!(
                    "keys could not be made: {message}; the operator retries every {} s",
                    RETRY_PAUSE.as_secs()
                ),
            );
            if pause.is_zero() { decision.then(Effect::StartFilling) } else { decision.again_after(pause) }
        }
    }
}
