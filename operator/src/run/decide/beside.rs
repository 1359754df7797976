//! What to do about the Job of a program that works beside a run's signers: an intake, or a delivery.

use std::time::Duration;

use chancery_api::{Reason, ValidatedRun, names};
use k8s_openapi::jiff::Timestamp;

use crate::run::decide::before::failure_before;
use crate::run::decide::decision::{Decision, Effect, JobPlan, LOOK_AGAIN};
use crate::run::decide::failures::{are_to_blame, backoff_limit};
use crate::run::decide::secret::is_lost;
use crate::run::decide::starting::{Start, start};
use crate::run::decide::time::{later, until};
use crate::run::facts::{
    BesideView, JobEnd, JobView, Observed, PodState, PodView, SecretStanding, SecretView,
};

/// How long to wait before a program that cannot work as it is configured is started again. The cause is outside of the
/// run (a bucket, a login), so no watch reports that it was corrected.
const MISCONFIGURED_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait before a program that ended early is replaced, so that this does not loop without a pause.
const EARLY_PAUSE: Duration = Duration::from_secs(5);

/// One of these programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Intake,
    Delivery,
}

impl Beside {
    const fn view(self, observed: &Observed) -> &BesideView {
        match self {
            Self::Intake => &observed.intake,
            Self::Delivery => &observed.delivery,
        }
    }

    const fn start(self) -> Effect {
        match self {
            Self::Intake => Effect::StartIntake,
            Self::Delivery => Effect::StartDelivery,
        }
    }

    fn ensure(self, plan: JobPlan) -> Effect {
        match self {
            Self::Intake => Effect::EnsureIntake(plan),
            Self::Delivery => Effect::EnsureDelivery(plan),
        }
    }

    const fn check(self) -> Effect {
        match self {
            Self::Intake => Effect::CheckIntake,
            Self::Delivery => Effect::CheckDelivery,
        }
    }

    const fn delete(self) -> Effect {
        match self {
            Self::Intake => Effect::DeleteIntake,
            Self::Delivery => Effect::DeleteDelivery,
        }
    }

    /// Why the run has failed whose program cannot work.
    const fn misconfigured(self) -> Reason {
        match self {
            Self::Intake => Reason::IntakeMisconfigured,
            Self::Delivery => Reason::DeliveryMisconfigured,
        }
    }

    /// Why the run has failed whose program has failed too often.
    const fn failed(self) -> Reason {
        match self {
            Self::Intake => Reason::IntakeFailed,
            Self::Delivery => Reason::DeliveryFailed,
        }
    }

    /// Why it does not work, if its pods do not start.
    const fn not_starting(self) -> Reason {
        match self {
            Self::Intake => Reason::IntakeNotStarting,
            Self::Delivery => Reason::DeliveryNotStarting,
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Intake => "intakes",
            Self::Delivery => "deliveries",
        }
    }

    /// What a run lacks whose program does not start.
    fn lacks(self, run: &ValidatedRun) -> &'static str {
        match self {
            Self::Intake if run.input.is_pushed() => "what waits is not judged",
            Self::Intake => "the sources are not read",
            Self::Delivery => "nothing is delivered",
        }
    }

    /// Who has the name of its Job, and what follows.
    const fn name_taken(self) -> &'static str {
        match self {
            Self::Intake => {
                "a Job of the intake's name belongs to something else, or to an earlier run of this name that is being deleted; the sources are read once it is gone"
            }
            Self::Delivery => {
                "a Job of the delivery's name belongs to something else, or to an earlier run of this name that is being deleted; batches are delivered once it is gone"
            }
        }
    }

    /// What a run lacks whose program cannot work.
    fn cannot(self, run: &ValidatedRun) -> &'static str {
        match self {
            Self::Intake if run.input.is_pushed() => "what waits cannot be judged:",
            Self::Intake => "the sources cannot be read:",
            Self::Delivery => "nothing can be delivered:",
        }
    }
}

/// What to do so that it works, with this Secret if that is still right.
pub(super) fn work(
    program: Beside,
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    secret: Option<&SecretView>,
    now: Timestamp,
) -> Decision {
    let view = program.view(observed);
    match &view.job {
        None => decision.first(program.start()).again_at_once(),
        Some(job) if !job.ours => {
            blocked(decision.again_after(LOOK_AGAIN), Reason::JobNameTaken, program.name_taken())
        }
        Some(job) if job.deleting => decision,
        Some(job) => with_job(program, run, decision, observed, (job, &view.pods, secret), now),
    }
}

fn with_job(
    program: Beside,
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    (job, pods, secret): (&JobView, &[PodView], Option<&SecretView>),
    now: Timestamp,
) -> Decision {
    match &job.end {
        Some(JobEnd::Failed { reason, message, at }) => {
            failed(program, run, decision, observed, (job, pods), (reason, message), *at, now)
        }
        // Nothing is left, by its own account: the next look at the ledger shows whether that is so.
        Some(JobEnd::Complete { at }) => replace_after(program, decision, *at, EARLY_PAUSE, now),
        None if job.succeeded > 0 && job.active == 0 => decision.then(program.delete()),
        None => match secret {
            Some(SecretView { name, standing, .. })
                if job.secret.as_ref() == Some(name) && !is_lost(pods, name) =>
            {
                match standing {
                    SecretStanding::Right => {
                        let backoff_limit = backoff_limit(run, Some(job), job.parallelism);
                        let plan = JobPlan { suspended: false, backoff_limit, ..JobPlan::like(job) };
                        decision.first(program.ensure(plan))
                    }
                    SecretStanding::Unchecked => decision.first(program.check()).again_at_once(),
                    SecretStanding::Unusable => decision.first(program.delete()),
                }
            }
            // It was not made to its end, or is gone.
            _ => decision.first(program.delete()),
        },
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "all of it is what the Job controller and the pods say of one end"
)]
fn failed(
    program: Beside,
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    (job, pods): (&JobView, &[PodView]),
    (reason, message): (&str, &str),
    at: Timestamp,
    now: Timestamp,
) -> Decision {
    let said = last_message(pods);
    let decision = if reason == "PodFailurePolicy" {
        let (said, again) = (said.unwrap_or(message), MISCONFIGURED_PAUSE.as_secs());
        let decision = or_failed(
            decision,
            program.misconfigured(),
            format!("{} {said} (retried every {again} s)", program.cannot(run)),
        );
        replace_after(program, decision, at, MISCONFIGURED_PAUSE, now)
    } else if !(are_to_blame(run, job) || has_failed(program, observed)) {
        replace_after(program, decision, at, EARLY_PAUSE, now)
    } else {
        let said = said.map(|said| format!("; the last of them said: {said}")).unwrap_or_default();
        or_failed(
            decision,
            program.failed(),
            format!(
                "too many {} failed: {message}{said}; a greater backoffLimit, any other change of the spec, or a new value of the annotation {} lets the run continue",
                program.plural(),
                names::ANNOTATION_RETRY
            ),
        )
    };
    let asked = job.retry != observed.object.retry || job.generation != Some(observed.object.generation);
    if asked && !decision.effects.contains(&program.delete()) {
        decision.then(program.delete())
    } else {
        decision
    }
}

/// Whether the run is known to have failed by this program: its pods may be gone by now.
fn has_failed(program: Beside, observed: &Observed) -> bool {
    failure_before(observed).is_some_and(|failure| failure.reason == program.failed())
}

fn replace_after(
    program: Beside,
    decision: Decision,
    at: Timestamp,
    pause: Duration,
    now: Timestamp,
) -> Decision {
    let pause = until(later(at, pause), now);
    if pause.is_zero() { decision.then(program.delete()) } else { decision.again_after(pause) }
}

/// Reports why no pod of it runs, if that does not pass by itself.
pub(super) fn not_starting(
    program: Beside,
    run: &ValidatedRun,
    decision: Decision,
    observed: &Observed,
    now: Timestamp,
) -> Decision {
    if decision.obstacle.is_some() {
        return decision;
    }
    let BesideView { job, pods, trouble, refusal: _ } = program.view(observed);
    match start(job.as_ref(), pods, trouble.as_ref(), now) {
        Start::Fine | Start::Partly(_) => decision,
        Start::Wait(pause) => decision.again_after(pause),
        Start::Hangs(why) => {
            decision.blocked(program.not_starting(), format!("{}: {why}", program.lacks(run)))
        }
    }
}

/// The holders of its pods whose container has ended, as far as they have something in hand.
pub(super) fn ended_holders(program: Beside, observed: &Observed, open: &[String]) -> Vec<String> {
    let pods = program.view(observed).pods.iter();
    let ended = pods.filter(|pod| matches!(pod.state, PodState::Ended { .. }));
    ended.map(|pod| pod.holder.clone()).filter(|holder| open.contains(holder)).collect()
}

/// Stops the program of a run that is suspended, or has failed. What was done stays.
pub(super) fn hold(program: Beside, decision: Decision, observed: &Observed) -> Decision {
    match &program.view(observed).job {
        Some(job) if job.ours && !job.deleting && job.end.is_none() => {
            decision.then(program.ensure(JobPlan { suspended: true, ..JobPlan::like(job) }))
        }
        _ => decision,
    }
}

/// Deletes the Job of a run that is being deleted.
pub(super) fn delete(program: Beside, decision: Decision, observed: &Observed) -> Decision {
    if is_there(program, observed) { decision.then(program.delete()) } else { decision }
}

/// Nothing is left to do: the Job goes, its Secret with it, and before both the login.
pub(super) fn end(program: Beside, decision: Decision, observed: &Observed) -> Decision {
    let end = match program {
        Beside::Intake => Effect::EndIntake,
        Beside::Delivery => Effect::EndDelivery,
    };
    if is_there(program, observed) { decision.first(end) } else { decision }
}

/// Whether the run has such a Job, which is not being deleted.
fn is_there(program: Beside, observed: &Observed) -> bool {
    program.view(observed).job.as_ref().is_some_and(|job| job.ours && !job.deleting)
}

/// The message of the pod that failed last.
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
