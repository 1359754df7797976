//! What to do about the sources of a run: their intake is a Job of its own, beside the signers', until the run is sealed.

use std::time::Duration;

use chancery_api::{Reason, RunInput, ValidatedRun};
use chancery_store::DeadLetter;
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::before::failure_before;
use crate::run::decide::beside::{self, Beside, blocked};
use crate::run::decide::decision::{Cause, Decision, Effect, LOOK_AGAIN};
use crate::run::facts::{LedgerRun, Observed, SourcesRead};
use crate::run::room::Room;

/// How soon to look again at sources that are read: no watch reports one that does not answer.
const LOOK_AT_SOURCES: Duration = Duration::from_secs(5);

/// Adds to what is decided about the signers of a run whose sources are not all read. What stops the signers is reported
/// first.
pub(super) fn take_in(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    sources: &SourcesRead,
    now: Timestamp,
) -> Decision {
    let decision = decision.again_after(LOOK_AT_SOURCES);
    if let Some(refusal) = &observed.intake.refusal {
        return hold_intake(decision, observed).failed(refusal.reason, refusal.message.clone());
    }
    if let Room::Short { why } = &observed.room {
        let decision = hold_intake(decision, observed).again_after(LOOK_AGAIN);
        return blocked(decision, Reason::DatabaseNearlyFull, why);
    }
    let secret = sources.secret.as_ref();
    let decision = beside::work(Beside::Intake, run, decision, observed, secret, now);
    let decision = still_misconfigured(decision, observed, sources);
    let decision = beside::not_starting(Beside::Intake, run, decision, observed, now);
    let decision = match &sources.held {
        // The intake waits by itself, and goes on as soon as the ledger lets it.
        Some(why) => blocked(decision, Reason::IntakeHeld, why),
        None => decision,
    };
    unavailable(decision, sources)
}

/// While a retry is under way, the run stays failed until something is read and judged, or waited for. What is received may have been
/// pushed, which says nothing of the intake.
fn still_misconfigured(mut decision: Decision, observed: &Observed, sources: &SourcesRead) -> Decision {
    let before = observed.object.previous.records.unwrap_or_default();
    let before = before.received.unwrap_or_default() - before.pending.unwrap_or_default();
    let Some(failure) =
        failure_before(observed).filter(|failure| failure.reason == Reason::IntakeMisconfigured)
    else {
        return decision;
    };
    let waits = sources.unavailable().is_some_and(|(_, why)| !failure.message.contains(why));
    if decision.failure.is_none() && sources.counts.received - sources.counts.pending == before && !waits {
        decision.failure = Some(failure);
    }
    decision
}

/// A source that does not answer is asked again by the intake, which reads the others meanwhile.
fn unavailable(decision: Decision, sources: &SourcesRead) -> Decision {
    match sources.unavailable() {
        Some((name, why)) if decision.failure.is_none() => {
            blocked(decision, Reason::SourceUnavailable, &format!("source {name}: {why}"))
        }
        _ => decision,
    }
}

/// Stops the intake of a run that is suspended, or has failed. What was read stays.
fn hold_intake(decision: Decision, observed: &Observed) -> Decision {
    beside::hold(Beside::Intake, decision, observed)
}

/// Tells the ledger what becomes of dead letters, where the spec says something else by now.
pub(super) fn set_dead_letter(decision: Decision, run: &ValidatedRun, ledger: &LedgerRun) -> Decision {
    let (Some(stored), RunInput::Sources(wanted)) = (&ledger.sources, &run.input) else { return decision };
    let limit = i64::try_from(wanted.dead_letter.limit).unwrap_or(i64::MAX);
    let wanted = DeadLetter { limit, retention: wanted.dead_letter.retention };
    if wanted == stored.dead_letter {
        decision
    } else {
        decision.first(Effect::SetDeadLetter(wanted)).again_at_once()
    }
}

/// Why the ledger has suspended the run, if it has.
pub(super) fn too_many_dead(ledger: &LedgerRun) -> Option<Cause> {
    let sources = ledger.sources.as_ref().filter(|sources| sources.too_many_dead)?;
    let (dead, limit) = (sources.counts.dead, sources.counts.dead_limit);
    Some(Cause::new(
        Reason::TooManyDeadLetters,
        format!(
            "{dead} payloads could not become records, and spec.deadLetter.limit is {limit}: neither intake nor signers work; `chancery dead-letters list` shows them; a greater limit lets the run go on"
        ),
    ))
}

/// Gives back at once what intakes have in hand whose container has ended.
pub(super) fn release_dead_intakes(decision: Decision, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let Some(sources) = &ledger.sources else { return decision };
    let holders = beside::ended_holders(Beside::Intake, observed, &sources.open_holders);
    if holders.is_empty() { decision } else { decision.first(Effect::ReleaseIntakes { holders }) }
}
