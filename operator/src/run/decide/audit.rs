//! What to do about the audit of a run that is complete.

use chancery_api::condition::{self, ConditionType};
use chancery_api::{AuditPolicy, ValidatedRun};
use k8s_openapi::jiff::Timestamp;

use crate::host::background::WorkState;
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN};
use crate::run::decide::time::{later, until};
use crate::run::facts::Observed;

/// Audits the run once, and again after a pause if the audit could not be made.
pub(super) fn audit(decision: Decision, run: &ValidatedRun, observed: &Observed, now: Timestamp) -> Decision {
    if run.audit == AuditPolicy::Never || observed.audited.is_some() || is_reported(observed) {
        return decision;
    }
    match &observed.background.auditing {
        WorkState::UnderWay => decision,
        WorkState::Idle => decision.then(Effect::StartAudit),
        WorkState::Failed { at, .. } => {
            let pause = until(later(*at, LOOK_AGAIN * 4), now);
            if pause.is_zero() { decision.then(Effect::StartAudit) } else { decision.again_after(pause) }
        }
    }
}

/// Whether the status says what an audit found.
fn is_reported(observed: &Observed) -> bool {
    condition::find(&observed.object.previous.conditions, ConditionType::Verified)
        .is_some_and(|verified| verified.status != "Unknown")
}
