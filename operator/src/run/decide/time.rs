//! What time does to a run: it fails when its deadline has passed, and is deleted when its time to live has.

use std::time::Duration;

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Reason, ValidatedRun};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::run::decide::before::was;
use crate::run::decide::decision::{Decision, Effect, Stage};
use crate::run::facts::{JobEnd, LedgerView, Observed};

/// Deletes a finished run whose time to live has passed.
pub(super) fn expire(
    run: &ValidatedRun,
    observed: &Observed,
    now: Timestamp,
    decision: Decision,
) -> Decision {
    let Some(ttl) = run.ttl_after_finished else { return decision };
    if let LedgerView::Present(ledger) = &observed.ledger
        && ledger.complete
        && (ledger.is_behind() || ledger.sinks.as_ref().is_some_and(|sinks| sinks.untold))
    {
        // Dead letters of it were taken up again, or somebody is still to be told of it.
        return decision;
    }
    let Some(finished) = finished(run, observed, now, &decision) else { return decision };
    let pause = until(later(finished, ttl), now);
    if pause.is_zero() { decision.then(Effect::DeleteObject) } else { decision.again_after(pause) }
}

/// When the run was complete, or failed for good, if the status says so already.
fn finished(
    run: &ValidatedRun,
    observed: &Observed,
    now: Timestamp,
    decision: &Decision,
) -> Option<Timestamp> {
    let previous = &observed.object.previous;
    if decision.stage == Stage::Complete {
        let completed = previous.completion_time.as_ref()?.0;
        // A run that was taken over may have been complete for long: its new object has its time to live all the same.
        let known = condition::find(&previous.conditions, ConditionType::Complete)
            .map_or(completed, |condition| condition.last_transition_time.0);
        return Some(completed.max(known));
    }
    let failed = match decision.failure.as_ref()?.reason {
        Reason::DeadlineExceeded => deadline(observed, run.active_deadline?, now),
        Reason::SignersFailed => match observed.job.as_ref()?.end.as_ref()? {
            JobEnd::Failed { at, .. } | JobEnd::Complete { at } => *at,
        },
        _ => return None,
    };
    // The condition may hold since before, for a reason that has passed.
    condition::find(&previous.conditions, ConditionType::Failed)
        .filter(|condition| condition.status == "True")
        .map(|condition| condition.last_transition_time.0.max(failed))
}

/// When the run fails unless it is complete: counted from its start, or from when it was resumed.
pub(super) fn deadline(observed: &Observed, limit: Duration, now: Timestamp) -> Timestamp {
    let previous = &observed.object.previous;
    let started = previous.start_time.as_ref().map_or(now, |time| time.0);
    let resumed = condition::find(&previous.conditions, ConditionType::Suspended)
        .filter(|condition| condition.status == "False")
        .map_or(started, |condition| condition.last_transition_time.0);
    // A run that is still reported as suspended is resumed just now.
    let resumed = if was(observed, ConditionType::Suspended) { now } else { resumed };
    later(started.max(resumed), limit)
}

/// A time that much later, or the end of time.
pub(super) fn later(then: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| then.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// The time until `then`; zero if it has passed.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}
