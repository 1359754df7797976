//! Stops the signers, the intake and the delivery of a run, which is suspended or failed.

use chancery_api::ValidatedRun;
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::beside::{self, Beside};
use crate::run::decide::decision::{Decision, Effect, JobPlan, Stage};
use crate::run::decide::delivery::while_held;
use crate::run::facts::{LedgerRun, Observed};

/// Stops pods and leases; what was done stays as it is.
pub(super) fn hold(
    stage: Stage,
    run: &ValidatedRun,
    observed: &Observed,
    ledger: &LedgerRun,
    now: Timestamp,
) -> Decision {
    let decision = Decision::at(stage);
    let decision =
        if observed.background.is_generating() { decision.then(Effect::StopGenerating) } else { decision };
    // First the Jobs: they would replace pods that the ledger stops.
    let decision = beside::hold(Beside::Intake, hold_job(decision, observed), observed);
    let decision = while_held(run, decision, observed, ledger, now);
    if is_set(run, ledger, true) { decision } else { decision.then(Effect::SetMutable { suspended: true }) }
}

/// Stops all pods of a run.
pub(super) fn hold_all(decision: Decision, observed: &Observed) -> Decision {
    let decision = hold_job(decision, observed);
    [Beside::Intake, Beside::Delivery]
        .into_iter()
        .fold(decision, |decision, program| beside::hold(program, decision, observed))
}

pub(super) fn hold_job(decision: Decision, observed: &Observed) -> Decision {
    match &observed.job {
        None => decision,
        Some(job) if !job.ours || job.deleting || job.end.is_some() => decision,
        // Kueue would resume a Job that it has admitted.
        Some(_) if observed.object.queued => decision.then(Effect::DeleteJob),
        Some(job) => decision.then(Effect::EnsureJob(JobPlan { suspended: true, ..JobPlan::like(job) })),
    }
}

pub(super) fn is_set(run: &ValidatedRun, ledger: &LedgerRun, suspended: bool) -> bool {
    ledger.suspended == suspended && ledger.lease_duration == run.lease_duration
}
