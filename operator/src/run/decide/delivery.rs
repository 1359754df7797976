//! What to do about the sinks of a run, and whoever is told of it: the delivery is a Job of its own, beside the signers', from the first
//! batch on, or the first event, until no sink lacks a batch, and everybody was told.

use std::time::Duration;

use chancery_api::{Reason, ValidatedRun};
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::before::failure_before;
use crate::run::decide::beside::{self, Beside, blocked};
use crate::run::decide::decision::{Decision, Effect, Stage};
use crate::run::decide::time::until;
use crate::run::facts::{LedgerRun, LedgerView, Observed, PodState, PodView, SinksRead};

/// How soon to look again at a complete run of which somebody is still to be told.
const LOOK_AT_TOLD: Duration = Duration::from_secs(5);

/// Adds to what is decided about the signers of a run that is not complete. What stops those is reported first.
pub(super) fn deliver(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    now: Timestamp,
) -> Decision {
    match &ledger.sinks {
        Some(sinks) if sinks.tells || has_work(ledger, sinks) => {
            work(run, decision, observed, ledger, sinks, now)
        }
        _ => refused(decision, observed),
    }
}

/// Whether there is something for the sinks by now. A run of no records has its manifest. Before the ring has its keys, a delivery that
/// has brought all says that it is done, and yet the run is not complete: it is not started to say so again.
fn has_work(ledger: &LedgerRun, sinks: &SinksRead) -> bool {
    let counts = &ledger.counts;
    let has_begun = counts.batches_signed > 0 || (ledger.sealed && counts.batches == 0);
    let waits_for_keys = ledger.sealed && ledger.missing_keys() > 0 && !sinks.is_behind(counts.batches);
    has_begun && !waits_for_keys
}

/// Adds to what is decided about a run that is complete: dead letters that were taken up again are delivered, and then, or at
/// once, the delivery ends.
pub(super) fn after_completion(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    now: Timestamp,
) -> Decision {
    let LedgerView::Present(ledger) = &observed.ledger else { return decision };
    let Some(sinks) = ledger.sinks.as_ref().filter(|_| ledger.is_its_own()) else { return decision };
    let decision = if sinks.untold {
        // No watch reports that everybody was told.
        work(run, decision.again_after(LOOK_AT_TOLD), observed, ledger, sinks, now)
    } else if !ledger.is_behind() {
        beside::end(Beside::Delivery, decision, observed)
    } else if run.suspend {
        beside::hold(Beside::Delivery, decision, observed)
    } else {
        work(run, decision, observed, ledger, sinks, now)
    };
    release_dead(decision, observed, ledger)
}

/// What to do about the delivery of a run that is suspended, or has failed: nothing is brought to sinks, and whoever is told of the run
/// is told of that, too.
pub(super) fn while_held(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    now: Timestamp,
) -> Decision {
    match &ledger.sinks {
        Some(sinks) if sinks.tells => work(run, decision, observed, ledger, sinks, now),
        _ => beside::hold(Beside::Delivery, decision, observed),
    }
}

/// Writes down why the run failed, for whoever is told.
pub(super) fn tell_failed(decision: Decision, ledger: &LedgerRun) -> Decision {
    let told = ledger.sinks.as_ref().filter(|sinks| sinks.tells).map(|sinks| sinks.failure_told);
    match (told, decision.failure.clone()) {
        (Some(told), Some(failure)) if told != Some(failure.reason) => {
            decision.then(Effect::TellFailed(failure))
        }
        _ => decision,
    }
}

/// Gives back at once what deliveries have in hand whose container has ended.
pub(super) fn release_dead(decision: Decision, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let Some(sinks) = &ledger.sinks else { return decision };
    let holders = beside::ended_holders(Beside::Delivery, observed, &sinks.open_holders);
    if holders.is_empty() { decision } else { decision.first(Effect::ReleaseDeliveries { holders }) }
}

fn work(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    sinks: &SinksRead,
    now: Timestamp,
) -> Decision {
    if observed.delivery.refusal.is_some() {
        return refused(beside::hold(Beside::Delivery, decision, observed), observed);
    }
    let decision = beside::work(Beside::Delivery, run, decision, observed, sinks.secret.as_ref(), now);
    let decision = still_misconfigured(decision, observed, sinks);
    let decision = beside::not_starting(Beside::Delivery, run, decision, observed, now);
    unavailable(decision, ledger, sinks, now)
}

/// Reports sinks that may not be used.
fn refused(decision: Decision, observed: &Observed) -> Decision {
    match &observed.delivery.refusal {
        Some(refusal) if decision.failure.is_none() => {
            decision.failed(refusal.reason, refusal.message.clone())
        }
        _ => decision,
    }
}

/// While a retry is under way, the run stays failed until something is delivered, or a sink is waited for.
fn still_misconfigured(mut decision: Decision, observed: &Observed, sinks: &SinksRead) -> Decision {
    if sinks.sinks.is_empty() && observed.delivery.pods.iter().any(is_running) {
        // What was told is not counted here.
        return decision;
    }
    let said = &observed.object.previous.sinks;
    let before: i64 = said.iter().map(|sink| sink.delivered + sink.dead).sum();
    if decision.failure.is_none() && sinks.ended() == before && !sinks.waits_for_one() {
        decision.failure =
            failure_before(observed).filter(|failure| failure.reason == Reason::DeliveryMisconfigured);
    }
    decision
}

fn is_running(pod: &PodView) -> bool {
    matches!(pod.state, PodState::Running { .. })
}

/// A sink that cannot be reached is waited for by the delivery, which goes on with the others. It stops the run once nothing else
/// is left to do; until then, a condition of its own says so.
fn unavailable(decision: Decision, ledger: &LedgerRun, sinks: &SinksRead, now: Timestamp) -> Decision {
    // Nothing that changes tells when one has been away for long.
    let decision = match sinks.next_unavailable(now) {
        Some(at) => decision.again_after(until(at, now)),
        None => decision,
    };
    let Some(sink) = sinks.unavailable(now).next() else { return decision };
    let waits = decision.stage == Stage::Delivering || ledger.complete;
    if !waits || decision.failure.is_some() {
        return decision;
    }
    let why = sink.last_error.as_deref().unwrap_or_default();
    blocked(decision, Reason::SinkUnavailable, &format!("sink {}: {why}", sink.name))
}
