//! What to do for a run, from what is known of it. No client, no clock, no await: every "why did it
//! do that?" is answered here, and tested in tables.

mod adopt;
mod audit;
mod before;
pub(crate) mod beside;
pub(crate) mod decision;
mod deletion;
mod delivery;
pub(crate) mod failures;
mod generate;
mod hold;
mod intake;
pub(crate) mod job;
mod kek;
mod receive;
mod release;
mod secret;
mod standstill;
pub(crate) mod starting;
#[cfg(test)]
pub(crate) mod tests;
mod time;

use chancery_api::condition::ConditionType;
use chancery_api::{DeletionPolicy, Reason, ValidatedRun};
use k8s_openapi::jiff::Timestamp;

use crate::run::facts::{LedgerRun, LedgerView, Observed};
use adopt::adopt;
use audit::audit;
use before::{failure_before, stage_before, under_way, was, was_in_ledger};
use beside::Beside;
use decision::{Cause, Decision, Effect, LOOK_AGAIN, Stage};
pub(crate) use deletion::decide_deletion;
use generate::generate;
use hold::{hold, hold_all, is_set};
use intake::{release_dead_intakes, set_dead_letter, take_in, too_many_dead};
use receive::receive;
use release::release_dead_holders;
use time::{deadline, expire, until};

/// What to do for a run that is not being deleted.
pub(crate) fn decide(run: &ValidatedRun, observed: &Observed, now: Timestamp) -> Decision {
    if needs_finalizer(run, observed) && !(observed.object.has_finalizer && observed.object.in_charge) {
        // Nothing may be created for a run that would not be cleaned up, or that another installation might take.
        let decision = Decision { failure: failure_before(observed), ..Decision::at(stage_before(observed)) };
        return decision.then(Effect::TakeCharge);
    }
    if was(observed, ConditionType::Complete) {
        let decision = audit(Decision::at(Stage::Complete), run, observed, now);
        let decision = delivery::after_completion(run, decision, observed, now);
        let decision = if observed.object.has_finalizer && !needs_finalizer(run, observed) {
            decision.then(Effect::RemoveFinalizer)
        } else {
            decision
        };
        return expire(run, observed, now, decision);
    }
    let decision = match &observed.ledger {
        LedgerView::Away(why) => without_ledger(run, observed, why),
        LedgerView::Absent if was_in_ledger(observed) => lost(observed),
        LedgerView::Absent if run.suspend => {
            unless_allowed(hold_all(Decision::at(Stage::Suspended), observed), observed)
        }
        LedgerView::Absent if observed.object.not_allowed.is_some() => {
            unless_allowed(hold_all(Decision::at(Stage::Pending), observed), observed)
        }
        LedgerView::Absent => create(observed),
        LedgerView::Present(ledger) => with_ledger(run, observed, ledger, now),
    };
    expire(run, observed, now, decision)
}

/// Whether the run may not go before the operator has done something. Of one that is complete, and stays in the ledger,
/// Kubernetes removes all there is; so it can be deleted when no operator is there.
fn needs_finalizer(run: &ValidatedRun, observed: &Observed) -> bool {
    run.deletion_policy == DeletionPolicy::Delete || !was(observed, ConditionType::Complete)
}

/// What to report about a run whose spec cannot be used. Nothing is done until it is corrected.
pub(crate) fn decide_invalid(observed: &Observed, message: String) -> Decision {
    Decision::at(stage_before(observed)).failed(Reason::InvalidSpec, message)
}

fn without_ledger(run: &ValidatedRun, observed: &Observed, why: &str) -> Decision {
    let decision = if run.suspend {
        hold_all(Decision::at(Stage::Suspended), observed)
    } else if observed.object.not_allowed.is_some() {
        hold_all(Decision::at(under_way(observed)), observed)
    } else {
        Decision { failure: failure_before(observed), ..Decision::at(under_way(observed)) }
    };
    unless_allowed(decision, observed).blocked(
        Reason::DatabaseUnavailable,
        format!("the database cannot be used: {why}; the operator retries"),
    )
}

/// Reports a template that asks for what is not allowed. No signer may work for it.
fn unless_allowed(decision: Decision, observed: &Observed) -> Decision {
    match &observed.object.not_allowed {
        Some(why) => decision.failed(Reason::SignerTemplateNotAllowed, why.clone()),
        None => decision,
    }
}

/// What was in the ledger is not created again: it would be signed a second time.
fn lost(observed: &Observed) -> Decision {
    hold_all(Decision::at(under_way(observed)), observed)
        .failed(
            Reason::LedgerLost,
            "the ledger held this run and no longer does: it may be another database, or an old copy; restore the ledger, or delete the SigningRun",
        )
        .again_after(LOOK_AGAIN * 4)
}

fn create(observed: &Observed) -> Decision {
    if let Some(refusal) = observed.intake.refusal.as_ref().or(observed.delivery.refusal.as_ref()) {
        // The ledger stays as it is.
        let decision = Decision::at(Stage::Pending).again_after(LOOK_AGAIN);
        return match refusal.reason {
            Reason::SourceUnavailable => decision.blocked(refusal.reason, refusal.message.clone()),
            reason => decision.failed(reason, refusal.message.clone()),
        };
    }
    match &observed.kek {
        Err(why) => {
            Decision::at(Stage::Pending).failed(Reason::InvalidKek, why.clone()).again_after(LOOK_AGAIN)
        }
        Ok(_) => Decision::at(Stage::Pending).then(Effect::CreateRun).again_at_once(),
    }
}

fn with_ledger(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    if ledger.deleted {
        return Decision::at(Stage::Pending)
            .blocked(
                Reason::NameBeingDeleted,
                format!(
                    "an earlier run of this name is being removed from the ledger; wait, or finish an interrupted removal with `chancery delete {}/{}` (docs/operating/command-line.md says where)",
                    run.namespace, run.name
                ),
            )
            .again_after(LOOK_AGAIN);
    }
    if let Some(decision) = adopt(observed, ledger) {
        return decision;
    }
    if let Some(conflict) = &ledger.conflict {
        return Decision::at(Stage::Pending)
            .failed(
                Reason::NameTaken,
                format!(
                    "the ledger holds another run of this name ({conflict}); choose another name, or remove that run with `chancery delete {}/{}` (docs/operating/command-line.md says where)",
                    run.namespace, run.name
                ),
            )
            .again_after(LOOK_AGAIN * 4);
    }
    // Nobody knows for how long a sink is away, and it is waited for.
    let limit = run.active_deadline.filter(|_| !ledger.is_only_delivered());
    let decision = if ledger.complete {
        let decision = Decision::at(Stage::Complete).then(Effect::Settle).then(Effect::StopGenerating);
        delivery::after_completion(run, audit(decision, run, observed, now), observed, now)
    } else if observed.object.not_allowed.is_some() {
        // Signers of before a change, of the run or of what is allowed, are stopped too.
        let stage = if run.suspend { Stage::Suspended } else { under_way(observed) };
        unless_allowed(hold(stage, run, observed, ledger, now), observed)
    } else if let Some(limit) = limit.filter(|limit| now >= deadline(observed, *limit, now)) {
        hold(under_way(observed), run, observed, ledger, now).failed(
            Reason::DeadlineExceeded,
            format!(
                "the run was not complete within activeDeadlineSeconds, {} s; a greater value lets it continue",
                limit.as_secs()
            ),
        )
    } else if run.suspend {
        hold(Stage::Suspended, run, observed, ledger, now)
    } else if let Some(Cause { reason, message }) = too_many_dead(ledger) {
        hold(Stage::Suspended, run, observed, ledger, now).blocked(reason, message)
    } else {
        let decision = advance(run, observed, ledger, now);
        // Before the Job is made or resumed: its signers would find the run suspended.
        let decision = if is_set(run, ledger, false) {
            decision
        } else {
            decision.first(Effect::SetMutable { suspended: false })
        };
        match limit {
            Some(limit) => decision.again_after(until(deadline(observed, limit, now), now)),
            None => decision,
        }
    };
    let decision = if ledger.sealed { beside::end(Beside::Intake, decision, observed) } else { decision };
    let decision = if ledger.complete { decision } else { set_dead_letter(decision, run, ledger) };
    let decision = release_dead_intakes(release_dead_holders(decision, observed, ledger), observed, ledger);
    if ledger.complete {
        decision
    } else {
        delivery::tell_failed(delivery::release_dead(decision, observed, ledger), ledger)
    }
}

/// The records are made here, or come by the intake; the keys are made by the signers, which sign meanwhile what there is
/// to sign with.
fn advance(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = if ledger.is_only_delivered() {
        Decision::at(Stage::Delivering)
    } else {
        job::sign(run, observed, ledger, now)
    };
    let decision = match &ledger.sources {
        _ if ledger.sealed => decision,
        Some(sources) if run.input.is_pushed() => {
            let decision =
                if sources.asks { take_in(run, decision, observed, sources, now) } else { decision };
            receive(decision, observed, ledger, sources)
        }
        Some(sources) => take_in(run, decision, observed, sources, now),
        None => generate(decision, observed, now),
    };
    delivery::deliver(run, decision, observed, ledger, now)
}
