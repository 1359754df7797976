//! What to do about the sources of a run: their intake is a Job of its own, beside the signers', until the run is sealed.

use std::time::Duration;

use chancery_api::{Reason, RunInput, ValidatedRun, names};
use chancery_store::DeadLetter;
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::before::failure_before;
use crate::run::decide::decision::{Cause, Decision, Effect, JobPlan, LOOK_AGAIN};
use crate::run::decide::failures::{are_to_blame, backoff_limit};
use crate::run::decide::secret::is_lost;
use crate::run::decide::starting::{Start, start};
use crate::run::decide::time::{later, until};
use crate::run::facts::{
    IntakeView, JobEnd, JobView, LedgerRun, Observed, PodState, PodView, SecretStanding, SecretView,
    SourcesRead,
};
use crate::run::room::Room;

/// How soon to look again at sources that are read: no watch reports one that does not answer.
const LOOK_AT_SOURCES: Duration = Duration::from_secs(5);

/// How long to wait before an intake that cannot work as it is configured is started again. The cause is outside of the
/// run (a bucket, a login), so no watch reports that it was corrected.
const MISCONFIGURED_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait before an intake that ended early is replaced, so that this does not loop without a pause.
const EARLY_PAUSE: Duration = Duration::from_secs(5);

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
    let decision = match &observed.intake.job {
        None => decision.first(Effect::StartIntake).again_at_once(),
        Some(job) if !job.ours => blocked(
            decision.again_after(LOOK_AGAIN),
            Reason::JobNameTaken,
            "a Job of the intake's name belongs to something else, or to an earlier run of this name that is being deleted; the sources are read once it is gone",
        ),
        Some(job) if job.deleting => decision,
        Some(job) => with_job(run, decision, observed, sources, job, now),
    };
    let decision = still_misconfigured(decision, observed, sources);
    let decision = not_starting(run, decision, observed, now);
    let decision = match &sources.held {
        // The intake waits by itself, and goes on as soon as the ledger lets it.
        Some(why) => blocked(decision, Reason::IntakeHeld, why),
        None => decision,
    };
    unavailable(decision, sources)
}

fn with_job(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    sources: &SourcesRead,
    job: &JobView,
    now: Timestamp,
) -> Decision {
    match &job.end {
        Some(JobEnd::Failed { reason, message, at }) => {
            failed(run, decision, observed, job, (reason, message), *at, now)
        }
        // The run is sealed, by its own account: the next look at the ledger shows whether it is.
        Some(JobEnd::Complete { at }) => replace_after(decision, *at, EARLY_PAUSE, now),
        None if job.succeeded > 0 && job.active == 0 => decision.then(Effect::DeleteIntake),
        None => match &sources.secret {
            Some(SecretView { name, standing, .. })
                if job.secret.as_ref() == Some(name) && !is_lost(&observed.intake.pods, name) =>
            {
                match standing {
                    SecretStanding::Right => {
                        let backoff_limit = backoff_limit(run, Some(job), job.parallelism);
                        let plan = JobPlan { suspended: false, backoff_limit, ..JobPlan::like(job) };
                        decision.first(Effect::EnsureIntake(plan))
                    }
                    SecretStanding::Unchecked => decision.first(Effect::CheckIntake).again_at_once(),
                    SecretStanding::Unusable => decision.first(Effect::DeleteIntake),
                }
            }
            // It was not made to its end, or is gone.
            _ => decision.first(Effect::DeleteIntake),
        },
    }
}

fn failed(
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    job: &JobView,
    (reason, message): (&str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Decision {
    let said = last_message(&observed.intake.pods);
    let decision = if reason == "PodFailurePolicy" {
        let (said, again) = (said.unwrap_or(message), MISCONFIGURED_PAUSE.as_secs());
        let decision = or_failed(
            decision,
            Reason::IntakeMisconfigured,
            format!("{} {said} (retried every {again} s)", cannot(run)),
        );
        replace_after(decision, at, MISCONFIGURED_PAUSE, now)
    } else if !(are_to_blame(run, job) || has_failed(observed)) {
        replace_after(decision, at, EARLY_PAUSE, now)
    } else {
        let said = said.map(|said| format!("; the last of them said: {said}")).unwrap_or_default();
        or_failed(
            decision,
            Reason::IntakeFailed,
            format!(
                "too many intakes failed: {message}{said}; a greater backoffLimit, any other change of the spec, or a new value of the annotation {} lets the run continue",
                names::ANNOTATION_RETRY
            ),
        )
    };
    let asked = job.retry != observed.object.retry || job.generation != Some(observed.object.generation);
    if asked && !decision.effects.contains(&Effect::DeleteIntake) {
        decision.then(Effect::DeleteIntake)
    } else {
        decision
    }
}

/// What a run lacks whose intake cannot work.
fn cannot(run: &ValidatedRun) -> &'static str {
    if run.input.is_pushed() { "what waits cannot be judged:" } else { "the sources cannot be read:" }
}

/// Whether the run is known to have failed by its intakes: their pods may be gone by now.
fn has_failed(observed: &Observed) -> bool {
    failure_before(observed).is_some_and(|failure| failure.reason == Reason::IntakeFailed)
}

fn replace_after(decision: Decision, at: Timestamp, pause: Duration, now: Timestamp) -> Decision {
    let pause = until(later(at, pause), now);
    if pause.is_zero() { decision.then(Effect::DeleteIntake) } else { decision.again_after(pause) }
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

/// Reports why no intake runs, if that does not pass by itself.
fn not_starting(run: &ValidatedRun, decision: Decision, observed: &Observed, now: Timestamp) -> Decision {
    if decision.obstacle.is_some() {
        return decision;
    }
    let IntakeView { job, pods, trouble, refusal: _ } = &observed.intake;
    match start(job.as_ref(), pods, trouble.as_ref(), now) {
        Start::Fine | Start::Partly(_) => decision,
        Start::Wait(pause) => decision.again_after(pause),
        Start::Hangs(why) => {
            let what =
                if run.input.is_pushed() { "what waits is not judged" } else { "the sources are not read" };
            decision.blocked(Reason::IntakeNotStarting, format!("{what}: {why}"))
        }
    }
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

/// What was to be read is read: the Job goes, its Secret with it, and before both the login.
pub(super) fn end_intake(decision: Decision, observed: &Observed) -> Decision {
    match &observed.intake.job {
        Some(job) if job.ours && !job.deleting => decision.first(Effect::EndIntake),
        _ => decision,
    }
}

/// Stops the intake of a run that is suspended, or has failed. What was read stays.
pub(super) fn hold_intake(decision: Decision, observed: &Observed) -> Decision {
    match &observed.intake.job {
        Some(job) if job.ours && !job.deleting && job.end.is_none() => {
            decision.then(Effect::EnsureIntake(JobPlan { suspended: true, ..JobPlan::like(job) }))
        }
        _ => decision,
    }
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
    let ended = observed.intake.pods.iter().filter(|pod| matches!(pod.state, PodState::Ended { .. }));
    let holders: Vec<String> =
        ended.map(|pod| pod.holder.clone()).filter(|holder| sources.open_holders.contains(holder)).collect();
    if holders.is_empty() { decision } else { decision.first(Effect::ReleaseIntakes { holders }) }
}

/// The message of the intake that failed last.
fn last_message(pods: &[PodView]) -> Option<&str> {
    pods.iter()
        .filter_map(|pod| match &pod.state {
            PodState::Ended { exit, message: Some(message), at } if *exit != 0 => Some((at, message)),
            _ => None,
        })
        .max_by_key(|(at, _)| **at)
        .map(|(_, message)| message.as_str())
}

/// What stops the signers was found before.
pub(super) fn blocked(decision: Decision, reason: Reason, message: &str) -> Decision {
    if decision.obstacle.is_some() { decision } else { decision.blocked(reason, message) }
}

fn or_failed(decision: Decision, reason: Reason, message: String) -> Decision {
    if decision.failure.is_some() { decision } else { decision.failed(reason, message) }
}
