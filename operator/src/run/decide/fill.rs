//! What to do for a run whose keyring lacks keys. Whichever of its runs began to fill it, any of them continues.

use std::time::Duration;

use chancery_api::Reason;
use k8s_openapi::jiff::Timestamp;

use crate::host::background::WorkState;
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN, Stage};
use crate::run::decide::kek::kek_problem;
use crate::run::decide::time::{later, until};
use crate::run::facts::{LedgerRun, Observed};
use crate::run::room::Room;

/// How long to wait before filling that failed is retried.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(10);

pub(super) fn fill(observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = Decision::at(Stage::Seeding);
    if let Some(problem) = kek_problem(observed, ledger) {
        return decision.failed(problem.reason, problem.message).again_after(LOOK_AGAIN);
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
