//! What to do about the signers of a run that is not complete. They make its keys, and sign its batches.

use std::time::Duration;

use chancery_api::{Reason, ValidatedRun};
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::before::failure_before;
use crate::run::decide::decision::{Decision, Effect, JobPlan, LOOK_AGAIN, Stage};
use crate::run::decide::failures::{are_to_blame, backoff_limit};
use crate::run::decide::secret::with_secret;
use crate::run::decide::standstill::standstill;
use crate::run::decide::starting::{LOOK_AT_EVENTS, Start, start};
use crate::run::decide::time::{later, until};
use crate::run::facts::{JobEnd, JobView, LedgerRun, Observed, PodState};
use crate::run::room::Room;

/// How long to wait before signers that cannot work as they are configured are started again. The cause is
/// outside of the run (a Secret, a login), so no watch reports that it was corrected.
const MISCONFIGURED_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait before signers that ended early are replaced, so that this does not loop without a pause.
const EARLY_PAUSE: Duration = Duration::from_secs(5);

pub(super) fn sign(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = Decision::at(stage(ledger));
    let decision = match &observed.job {
        None if !has_work(run, observed, ledger) => decision,
        None => {
            let plan = plan(run, observed, ledger, None);
            with_secret(decision, plan, observed, ledger)
        }
        Some(job) if !job.ours => decision
            .blocked(
                Reason::JobNameTaken,
                "a Job of the signers' name belongs to something else, or to an earlier run of this name that is being deleted; the signers start once it is gone",
            )
            .again_after(LOOK_AGAIN),
        Some(job) if job.deleting => decision,
        Some(job) => with_job(decision, run, observed, ledger, job, now),
    };
    let decision = still_misconfigured(run, decision, observed, ledger);
    let decision = not_starting(decision, observed, now);
    standstill(run, decision, observed, ledger, now)
}

/// Nothing is signed before there is a key and a batch.
fn stage(ledger: &LedgerRun) -> Stage {
    if ledger.counts.batches > 0 && ledger.counts.keys_made > 0 { Stage::Signing } else { Stage::Seeding }
}

/// Whether signers that start now find something to do. Those that are there wait for the next batch; others would only
/// wait too. Keys are made for a run that has begun, or has room to. Whoever pushes a record may wait for its signature, and
/// would wait for a pod to start as well: so the signers of such a run wait for records.
fn has_work(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun) -> bool {
    ledger.sealed
        || ledger.unsigned_batches() > 0
        || ((ledger.missing_keys() > 0 || run.input.is_pushed()) && observed.room == Room::Enough)
}

fn with_job(
    decision: Decision,
    run: &ValidatedRun,
    observed: &Observed,
    ledger: &LedgerRun,
    job: &JobView,
    now: Timestamp,
) -> Decision {
    match &job.end {
        Some(JobEnd::Failed { reason, message, at }) => {
            failed(decision, run, observed, job, (reason, message), *at, now)
        }
        // Its signers found nothing to do, and yet records are unsigned: they were stopped, or what they
        // did was undone. A Job in which a pod has succeeded starts no more pods, and stops the others.
        Some(JobEnd::Complete { at }) => replace_after(decision, *at, EARLY_PAUSE, now),
        None if job.succeeded > 0 && job.active == 0 => decision.then(Effect::DeleteJob),
        None => {
            let plan = plan(run, observed, ledger, Some(job));
            let decision = with_secret(decision, plan, observed, ledger);
            if observed.object.queued && job.suspended {
                decision.blocked(Reason::Queued, "the Job waits until Kueue admits it")
            } else {
                decision
            }
        }
    }
}

fn failed(
    decision: Decision,
    run: &ValidatedRun,
    observed: &Observed,
    job: &JobView,
    (reason, message): (&str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Decision {
    let said = last_message(observed);
    let decision = if reason == "PodFailurePolicy" {
        let (said, again) = (said.unwrap_or(message), MISCONFIGURED_PAUSE.as_secs());
        let decision = decision.failed(
            Reason::SignerMisconfigured,
            format!("the signers cannot work as they are configured: {said} (retried every {again} s)"),
        );
        replace_after(decision, at, MISCONFIGURED_PAUSE, now)
    } else if !are_to_blame(run, job) {
        replace_after(decision, at, EARLY_PAUSE, now)
    } else {
        let said = said.map(|said| format!("; the last of them said: {said}")).unwrap_or_default();
        decision.failed(
            Reason::SignersFailed,
            format!("too many signers failed: {message}{said}; a greater backoffLimit, any other change of the spec, or a new value of the annotation {} lets the run continue", chancery_api::names::ANNOTATION_RETRY),
        )
    };
    let asked = job.retry != observed.object.retry || job.generation != Some(observed.object.generation);
    if asked && !decision.effects.contains(&Effect::DeleteJob) {
        decision.then(Effect::DeleteJob)
    } else {
        decision
    }
}

fn replace_after(decision: Decision, at: Timestamp, pause: Duration, now: Timestamp) -> Decision {
    let pause = until(later(at, pause), now);
    if pause.is_zero() { decision.then(Effect::DeleteJob) } else { decision.again_after(pause) }
}

/// While a retry is under way, the run stays failed until a signer works: it leases or stores something, or makes a key.
/// A batch that a lost signer holds is no sign of that. Where signers have nothing to do, none is wrong.
fn still_misconfigured(
    run: &ValidatedRun,
    mut decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
) -> Decision {
    let previous = &observed.object.previous;
    let working = ledger.counts.batches_leased > previous.batches.unwrap_or_default().leased
        || ledger.counts.records_signed > previous.records.unwrap_or_default().signed
        || (!ledger.filled && ledger.counts.keys_made > previous.keys.unwrap_or_default().made);
    let none_is_needed = observed.job.is_none() && !has_work(run, observed, ledger);
    if decision.failure.is_none() && !working && !none_is_needed {
        decision.failure =
            failure_before(observed).filter(|failure| failure.reason == Reason::SignerMisconfigured);
    }
    decision
}

/// Reports why no signer runs, if that does not pass by itself.
fn not_starting(decision: Decision, observed: &Observed, now: Timestamp) -> Decision {
    if decision.obstacle.is_some() {
        return decision;
    }
    match start(observed.job.as_ref(), &observed.pods, observed.trouble.as_ref(), now) {
        Start::Fine => decision,
        Start::Wait(pause) => decision.again_after(pause),
        Start::Partly(why) => decision.with_aside(
            Reason::SomeSignersNotStarting,
            format!("signers sign records, and others do not start: {why}"),
        ),
        Start::Hangs(why) => decision
            .blocked(Reason::SignersNotStarting, format!("the signers do not start: {why}"))
            .again_after(LOOK_AT_EVENTS),
    }
}

/// The message of the signer that failed last.
pub(crate) fn last_message(observed: &Observed) -> Option<&str> {
    observed
        .pods
        .iter()
        .filter_map(|pod| match &pod.state {
            PodState::Ended { exit, message: Some(message), at } if *exit != 0 => Some((at, message)),
            _ => None,
        })
        .max_by_key(|(at, _)| **at)
        .map(|(_, message)| message.as_str())
}

/// Signers that run are not stopped because fewer batches than signers are left: they hold those batches. A key is as much
/// work as a batch.
fn plan(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, job: Option<&JobView>) -> JobPlan {
    // More batches come until the run is sealed.
    let left = if ledger.sealed { ledger.unsigned_batches().max(ledger.missing_keys()) } else { u64::MAX };
    let left = left.max(job.map_or(0, |job| job.parallelism.into()));
    let parallelism = run.signers(ledger.keyring.key_count.unsigned_abs(), left);
    JobPlan {
        parallelism,
        backoff_limit: backoff_limit(run, job, parallelism),
        suspended: observed.object.queued && job.is_none_or(|job| job.suspended),
        run_uid: Some(ledger.stored.0.uid),
        secret: None,
    }
}
