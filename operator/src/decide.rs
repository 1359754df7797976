//! What to do for a run, from what is known of it. No client, no clock, no await: every "why did it
//! do that?" is answered here, and tested in tables.

mod before;
mod deletion;
mod job;
mod seed;
#[cfg(test)]
pub(crate) mod tests;
mod time;

use std::time::Duration;

use chancery_api::ValidatedRun;
use chancery_api::condition::ConditionType;
use k8s_openapi::jiff::Timestamp;

use crate::facts::{Background, LedgerRun, LedgerView, Observed, PodState};
use before::{failure_before, stage_before, under_way, was};
pub(crate) use deletion::decide_deletion;
pub(crate) use job::last_words;
use seed::seed;
use time::{deadline, expire, later, until};

/// How soon to look again at what no watch tells of: a KEK file, a name in the ledger.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What is to be done, and what to say about the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) effects: Vec<Effect>,
    pub(crate) stage: Stage,
    /// What keeps the run from going on for now.
    pub(crate) obstacle: Option<Reason>,
    /// Why the run can not go on by itself.
    pub(crate) failure: Option<Reason>,
    pub(crate) again: Again,
}

/// One thing to do. Each may be done twice, or be interrupted and done again, with the same end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    AddFinalizer,
    RemoveFinalizer,
    /// Create the run in the ledger.
    CreateRun,
    /// Tell the ledger whether signers may lease, and for how long.
    SetMutable {
        suspended: bool,
    },
    StartSeeding,
    StopSeeding,
    /// Make the Job, or make it as it should be.
    EnsureJob(JobPlan),
    DeleteJob,
    /// Give back what signers that have ended still hold.
    ReleaseLeases {
        holders: Vec<String>,
    },
    /// Return the last keys to the ring.
    Settle,
    /// Remove the run from the ledger, in the background.
    StartDeleting,
    /// Delete the SigningRun itself.
    DeleteObject,
}

/// What varies in a run's Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobPlan {
    pub(crate) parallelism: u32,
    pub(crate) suspended: bool,
}

/// Where the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Seeding,
    Signing,
    Suspended,
    Complete,
}

/// Why something is as it is: a word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Reason {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// When to decide anew, if nothing changes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    OnChange,
    AtOnce,
    After(Duration),
}

impl Decision {
    fn at(stage: Stage) -> Self {
        Self { effects: Vec::new(), stage, obstacle: None, failure: None, again: Again::OnChange }
    }

    fn first(mut self, effect: Effect) -> Self {
        self.effects.insert(0, effect);
        self
    }

    fn then(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    fn hindered(mut self, reason: &'static str, message: impl Into<String>) -> Self {
        self.obstacle = Some(Reason::new(reason, message));
        self
    }

    fn failed(mut self, reason: &'static str, message: impl Into<String>) -> Self {
        self.failure = Some(Reason::new(reason, message));
        self
    }

    fn again_after(mut self, pause: Duration) -> Self {
        self.again = match self.again {
            Again::AtOnce => Again::AtOnce,
            Again::After(sooner) => Again::After(sooner.min(pause)),
            Again::OnChange => Again::After(pause),
        };
        self
    }

    fn again_at_once(mut self) -> Self {
        self.again = Again::AtOnce;
        self
    }

    /// What there is to say of it when one of its effects could not be carried out.
    pub(crate) fn thwarted(mut self, obstacle: Reason) -> Self {
        // A run that is said to be complete is not looked at again.
        if self.stage == Stage::Complete && self.effects.contains(&Effect::Settle) {
            self.stage = Stage::Signing;
        }
        self.obstacle = Some(obstacle);
        self
    }
}

/// What to do for a run that nobody has asked to delete.
pub(crate) fn decide(run: &ValidatedRun, observed: &Observed, now: Timestamp) -> Decision {
    if !observed.object.has_finalizer {
        // Nothing may be made for a run that would not be cleaned up after.
        let decision = Decision { failure: failure_before(observed), ..Decision::at(stage_before(observed)) };
        return decision.then(Effect::AddFinalizer);
    }
    if was(observed, ConditionType::Complete) {
        return expire(run, observed, now, Decision::at(Stage::Complete));
    }
    let decision = match &observed.ledger {
        LedgerView::Away(why) => without_ledger(run, observed, why),
        LedgerView::Absent if was(observed, ConditionType::Seeded) => lost(observed),
        LedgerView::Absent if run.suspend => hold_job(Decision::at(Stage::Suspended), observed),
        LedgerView::Absent => create(observed),
        LedgerView::Present(ledger) => with_ledger(run, observed, ledger, now),
    };
    expire(run, observed, now, decision)
}

/// What to say of a run whose spec can not be used. Nothing is done until somebody corrects it.
pub(crate) fn decide_invalid(observed: &Observed, message: String) -> Decision {
    Decision::at(stage_before(observed)).failed("InvalidSpec", message)
}

fn without_ledger(run: &ValidatedRun, observed: &Observed, why: &str) -> Decision {
    let decision = if run.suspend {
        hold_job(Decision::at(Stage::Suspended), observed)
    } else {
        Decision { failure: failure_before(observed), ..Decision::at(under_way(observed)) }
    };
    decision.hindered("DatabaseUnavailable", format!("{why}; it is tried again by itself"))
}

/// What was in the ledger is not made anew: it would be signed a second time.
fn lost(observed: &Observed) -> Decision {
    hold_job(Decision::at(under_way(observed)), observed)
        .failed(
            "LedgerLost",
            "the ledger held this run, and no longer does; is it the right database, or an old copy of it? Put it back, or delete the SigningRun",
        )
        .again_after(LOOK_AGAIN * 4)
}

fn create(observed: &Observed) -> Decision {
    match &observed.kek {
        Err(why) => Decision::at(Stage::Pending).failed("InvalidKek", why.clone()).again_after(LOOK_AGAIN),
        Ok(_) => Decision::at(Stage::Pending).then(Effect::CreateRun).again_at_once(),
    }
}

fn with_ledger(run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun, now: Timestamp) -> Decision {
    if ledger.deleted {
        return Decision::at(Stage::Pending)
            .hindered(
                "NameBeingDeleted",
                format!(
                    "an earlier run of this name is being removed from the ledger; if that was interrupted, `chancery delete {}/{}` finishes it",
                    run.namespace, run.name
                ),
            )
            .again_after(LOOK_AGAIN);
    }
    if let Some(conflict) = &ledger.conflict {
        return Decision::at(Stage::Pending)
            .failed(
                "NameTaken",
                format!(
                    "the ledger holds another run of this name ({conflict}); choose another name, or remove that run with `chancery delete {}/{}`",
                    run.namespace, run.name
                ),
            )
            .again_after(LOOK_AGAIN * 4);
    }
    let decision = if ledger.complete {
        Decision::at(Stage::Complete).then(Effect::Settle).then(Effect::StopSeeding)
    } else if let Some(limit) = run.active_deadline.filter(|limit| now >= deadline(observed, *limit, now)) {
        hold(under_way(observed), run, observed, ledger).failed(
            "DeadlineExceeded",
            format!(
                "the run was not complete after activeDeadlineSeconds, {} s; a greater value lets it go on",
                limit.as_secs()
            ),
        )
    } else if run.suspend {
        hold(Stage::Suspended, run, observed, ledger)
    } else {
        let decision = if ledger.seeded {
            job::sign(run, observed, ledger, now)
        } else {
            // Signers of before, if the ledger has lost the run, would find nothing to sign.
            hold_job(seed(observed, ledger, now), observed)
        };
        // Before the Job is made or resumed: its signers would find the run suspended.
        let decision = if is_set(run, ledger, false) {
            decision
        } else {
            decision.first(Effect::SetMutable { suspended: false })
        };
        match run.active_deadline {
            Some(limit) => decision.again_after(until(deadline(observed, limit, now), now)),
            None => decision,
        }
    };
    bury(decision, observed, ledger)
}

/// No pods, no leases; what was begun stays as it is.
fn hold(stage: Stage, run: &ValidatedRun, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let decision = Decision::at(stage);
    let decision = match observed.background {
        Background::Seeding => decision.then(Effect::StopSeeding),
        _ => decision,
    };
    // First the Job: it would replace signers that the ledger sends away.
    let decision = hold_job(decision, observed);
    if is_set(run, ledger, true) { decision } else { decision.then(Effect::SetMutable { suspended: true }) }
}

fn hold_job(decision: Decision, observed: &Observed) -> Decision {
    match &observed.job {
        None => decision,
        Some(job) if !job.ours || job.deleting || job.end.is_some() => decision,
        // Kueue would start again what it has admitted.
        Some(_) if observed.object.queued => decision.then(Effect::DeleteJob),
        Some(job) => {
            decision.then(Effect::EnsureJob(JobPlan { parallelism: job.parallelism, suspended: true }))
        }
    }
}

fn is_set(run: &ValidatedRun, ledger: &LedgerRun, suspended: bool) -> bool {
    ledger.suspended == suspended && ledger.lease_duration == run.lease_duration
}

/// Gives back at once what signers hold whose container has ended.
fn bury(decision: Decision, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let holders: Vec<String> = observed
        .pods
        .iter()
        .filter(|pod| matches!(pod.state, PodState::Ended { .. }))
        .map(|pod| pod.holder.clone())
        .filter(|holder| ledger.open_holders.contains(holder))
        .collect();
    if holders.is_empty() { decision } else { decision.first(Effect::ReleaseLeases { holders }) }
}
