//! What to do about the signers of a run that is seeded and not complete.

use std::time::Duration;

use chancery_api::ValidatedRun;
use k8s_openapi::jiff::Timestamp;

use super::{Decision, Effect, JobPlan, LOOK_AGAIN, Stage, failure_before, later, until};
use crate::facts::{JobEnd, JobView, LedgerRun, Observed, PodState};

/// What is wrong is outside of the run (a Secret, a login), and nothing tells when it is mended.
pub(super) const NEVER_WORKS: &str = "SignerMisconfigured";

/// How long to wait before signers that can not work as they are set up are tried again.
const MISCONFIGURED_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait before signers that left early are replaced: against a loop without a pause.
const EARLY_PAUSE: Duration = Duration::from_secs(5);

/// How long Kubernetes may take to make the pods of a Job.
const PODS_COME: Duration = Duration::from_secs(15);

pub(super) fn sign(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    let decision = match &observed.job {
        None => Decision::at(Stage::Signing).then(Effect::EnsureJob(plan(run, observed, ledger, None))),
        Some(job) if !job.ours => Decision::at(Stage::Signing)
            .hindered(
                "JobNameTaken",
                "a Job of the signers' name belongs to somebody else, or to an earlier run of this name that is being deleted; the signers start once it is gone",
            )
            .again_after(LOOK_AGAIN),
        Some(job) if job.deleting => Decision::at(Stage::Signing),
        Some(job) => with_job(run, observed, ledger, job, now),
    };
    let decision = still_misconfigured(decision, observed, ledger);
    not_starting(run, decision, observed, now)
}

fn with_job(
    run: &ValidatedRun,
    observed: &Observed,
    ledger: &LedgerRun,
    job: &JobView,
    now: Timestamp,
) -> Decision {
    let decision = Decision::at(Stage::Signing);
    match &job.end {
        Some(JobEnd::Failed { reason, message, at }) => {
            failed(decision, observed, job, (reason, message), *at, now)
        }
        // Its signers found nothing to do, and yet something is left to do: they were sent away, or
        // what they did was undone. A Job that has seen a success starts no pods any more.
        Some(JobEnd::Complete { at }) => replace_after(decision, *at, EARLY_PAUSE, now),
        None if job.succeeded > 0 && job.active == 0 => decision.then(Effect::DeleteJob),
        None => {
            let plan = plan(run, observed, ledger, Some(job));
            let decision = decision.then(Effect::EnsureJob(plan));
            if observed.object.queued && job.suspended {
                decision.hindered("Queued", "the Job waits for Kueue to admit it")
            } else {
                decision
            }
        }
    }
}

fn failed(
    decision: Decision,
    observed: &Observed,
    job: &JobView,
    (reason, message): (&str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Decision {
    let told = last_words(observed);
    let decision = if reason == "PodFailurePolicy" {
        let (told, again) = (told.unwrap_or(message), MISCONFIGURED_PAUSE.as_secs());
        let decision = decision.failed(NEVER_WORKS, format!("{told} (tried again every {again} s)"));
        replace_after(decision, at, MISCONFIGURED_PAUSE, now)
    } else {
        let told = told.map(|told| format!("; the last of them said: {told}")).unwrap_or_default();
        decision.failed(
            "SignersFailed",
            format!("{message}{told}; a greater backoffLimit, any other change of the spec, or a new value of the annotation {} lets the run go on", chancery_api::names::ANNOTATION_RETRY),
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

/// While another try is under way, the run stays failed until a signer gets to work: it leases or
/// stores something. What a signer that is lost has in hand is no sign of it.
fn still_misconfigured(mut decision: Decision, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let previous = &observed.object.previous;
    let working = ledger.counts.batches_leased > previous.batches.unwrap_or_default().leased
        || ledger.counts.records_signed > previous.records.unwrap_or_default().signed;
    if decision.failure.is_none() && !working {
        decision.failure = failure_before(observed).filter(|failure| failure.reason == NEVER_WORKS);
    }
    decision
}

/// Says why no signer is at work, when that needs somebody.
fn not_starting(run: &ValidatedRun, decision: Decision, observed: &Observed, now: Timestamp) -> Decision {
    if decision.obstacle.is_some() || observed.pods.iter().any(|pod| pod.state == PodState::Running) {
        return decision;
    }
    let stuck = observed.pods.iter().find_map(|pod| match &pod.state {
        PodState::Stuck { reason, message } => Some((pod, reason, message)),
        _ => None,
    });
    match stuck {
        Some((pod, reason, message)) => {
            let name = pod.holder.split('/').next().unwrap_or_default();
            decision.hindered("SignersNotStarting", format!("pod {name}: {reason}: {message}"))
        }
        None => without_pods(run, decision, observed, now),
    }
}

/// An API server that takes a Job may yet refuse its pods, and tells nobody but the Job's Events.
fn without_pods(run: &ValidatedRun, decision: Decision, observed: &Observed, now: Timestamp) -> Decision {
    let Some(started) = observed
        .job
        .as_ref()
        .filter(|job| {
            job.ours && !job.deleting && !job.suspended && job.end.is_none() && observed.pods.is_empty()
        })
        .and_then(|job| job.started_at)
    else {
        return decision;
    };
    let pause = until(later(started, PODS_COME), now);
    if !pause.is_zero() {
        return decision.again_after(pause);
    }
    let name = chancery_api::names::job_name(&run.name);
    decision.hindered(
        "SignersNotStarting",
        format!("no pods are made for Job {name}; `kubectl describe job --namespace {} {name}` says why: a quota, an admission policy, a name in spec.signerTemplate", run.namespace),
    )
}

/// What the signer that failed last said.
pub(crate) fn last_words(observed: &Observed) -> Option<&str> {
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

/// As many signers as are asked for and can have a key and a batch at the same time. Signers at work
/// are not sent away because fewer batches than signers are left: they have those batches in hand.
fn plan(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, job: Option<&JobView>) -> JobPlan {
    let unsigned = ledger.counts.batches - ledger.counts.batches_signed;
    let unsigned = u32::try_from(unsigned).unwrap_or(u32::MAX).max(job.map_or(0, |job| job.parallelism));
    JobPlan {
        parallelism: run.parallelism.min(run.key_count).min(unsigned).max(1),
        suspended: observed.object.queued && job.is_none_or(|job| job.suspended),
    }
}
