//! What to do about the records of a run that is not sealed. Signers sign meanwhile what is there.

use std::time::Duration;

use chancery_api::Reason;
use k8s_openapi::jiff::Timestamp;

use crate::host::background::WorkState;
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN};
use crate::run::decide::time::{later, until};
use crate::run::facts::Observed;
use crate::run::room::Room;

/// How long to wait before making records that failed is retried.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Adds to what is decided about the signers. What stops them is reported first.
pub(super) fn generate(decision: Decision, observed: &Observed, now: Timestamp) -> Decision {
    let decision = match &observed.room {
        Room::Enough => decision,
        Room::Short { why } => return wait_for_room(decision, observed, why),
    };
    // Before the Job: an API server that refuses it must not keep records from being made.
    match &observed.background.generating {
        WorkState::UnderWay => decision,
        WorkState::Idle => decision.first(Effect::StartGenerating),
        WorkState::Failed { message, at } => {
            let pause = until(later(*at, RETRY_PAUSE), now);
            let decision = match decision.obstacle {
                Some(_) => decision,
                None => decision.blocked(
                    Reason::SourceFailed,
                    format!(
                        "records could not be made: {message}; the operator retries every {} s",
                        RETRY_PAUSE.as_secs()
                    ),
                ),
            };
            if pause.is_zero() {
                decision.first(Effect::StartGenerating)
            } else {
                decision.again_after(pause)
            }
        }
    }
}

/// Makes no record until there is room. What stops the signers is reported first; they sign what is there.
fn wait_for_room(decision: Decision, observed: &Observed, why: &str) -> Decision {
    let decision = match observed.background.generating {
        WorkState::UnderWay => decision.first(Effect::StopGenerating),
        WorkState::Idle | WorkState::Failed { .. } => decision,
    };
    let decision = match decision.obstacle {
        Some(_) => decision,
        None => decision.blocked(Reason::DatabaseNearlyFull, why),
    };
    decision.again_after(LOOK_AGAIN)
}
