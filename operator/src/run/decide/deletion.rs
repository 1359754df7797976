//! What to do for a run that is being deleted. A deletion needs less than anything else: neither a bad
//! spec nor a database that is down may block it for good.

use std::time::Duration;

use chancery_api::{DeletionPolicy, Reason};
use k8s_openapi::jiff::Timestamp;

use crate::host::background::WorkState;
use crate::run::decide::adopt::may_go;
use crate::run::decide::before::{failure_before, stage_before};
use crate::run::decide::beside::{self, Beside};
use crate::run::decide::decision::{Decision, Effect, LOOK_AGAIN};
use crate::run::decide::release::release_dead_holders;
use crate::run::decide::time::{later, until};
use crate::run::facts::{Belongs, LedgerView, Observed, PodState};

/// Grace period for signers to end, before the run is removed from the ledger. A signer that still runs
/// then finds the run deleted and stops.
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(60);

/// What to do for a run that is being deleted.
pub(crate) fn decide_deletion(observed: &Observed, now: Timestamp) -> Decision {
    // What was reported of the run stays so: it neither continues nor recovers.
    let decision = Decision { failure: failure_before(observed), ..Decision::at(stage_before(observed)) };
    if !observed.object.has_finalizer {
        return decision;
    }
    let decision =
        if observed.background.is_generating() { decision.then(Effect::StopGenerating) } else { decision };
    // What is read would have to stay until it ends.
    let decision = match observed.background.auditing {
        WorkState::UnderWay => decision.then(Effect::StopAudit),
        WorkState::Idle | WorkState::Failed { .. } => decision,
    };
    let decision = match &observed.job {
        Some(job) if job.ours && !job.deleting => decision.then(Effect::DeleteJob),
        _ => decision,
    };
    let decision = [Beside::Intake, Beside::Delivery]
        .into_iter()
        .fold(decision, |decision, program| beside::delete(program, decision, observed));
    let kept = observed.object.deletion_policy == DeletionPolicy::Retain;
    if kept || observed.object.abandon_ledger {
        return decision.then(Effect::RemoveFinalizer);
    }
    let ledger = match &observed.ledger {
        LedgerView::Away(why) => {
            return decision
                .blocked(
                    Reason::DatabaseUnavailable,
                    format!(
                        "the database cannot be used: {why}; the deletion continues once it answers; if it is gone for good, set the annotation {}=true to delete the run without it",
                        chancery_api::names::ANNOTATION_ABANDON_LEDGER
                    ),
                )
                .again_after(LOOK_AGAIN);
        }
        LedgerView::Absent => return decision.then(Effect::RemoveFinalizer),
        // It belongs to another run of this name.
        LedgerView::Present(ledger)
            if ledger.conflict.is_some() || matches!(ledger.belongs, Belongs::Anothers { .. }) =>
        {
            return decision.then(Effect::RemoveFinalizer);
        }
        LedgerView::Present(ledger) if !may_go(observed, ledger) => {
            return decision.then(Effect::TellKept).then(Effect::RemoveFinalizer);
        }
        LedgerView::Present(ledger) => ledger,
    };
    let decision = if ledger.suspended || ledger.deleted {
        decision
    } else {
        decision.then(Effect::SetMutable { suspended: true })
    };
    // While the ledger can tell which leases are this run's.
    let decision = if ledger.deleted { decision } else { release_dead_holders(decision, observed, ledger) };
    let remaining = observed
        .object
        .deleted_at
        .map_or(Duration::ZERO, |asked| until(later(asked, STOP_GRACE_PERIOD), now));
    if signers_at_work(observed) && !remaining.is_zero() {
        return decision
            .blocked(
                Reason::SignersStopping,
                "the signers finish or release their batches before the run is removed",
            )
            .again_after(remaining);
    }
    match &observed.background.deleting {
        WorkState::UnderWay => {
            decision.blocked(Reason::DeletingFromLedger, "the run is being removed from the ledger")
        }
        WorkState::Idle => decision
            .then(Effect::StartDeleting)
            .blocked(Reason::DeletingFromLedger, "the run is being removed from the ledger"),
        WorkState::Failed { message, at } => {
            let pause = until(later(*at, LOOK_AGAIN), now);
            let decision = decision.blocked(
                Reason::DeletionFailed,
                format!("the run could not be removed from the ledger: {message}; the operator retries"),
            );
            if pause.is_zero() { decision.then(Effect::StartDeleting) } else { decision.again_after(pause) }
        }
    }
}

fn signers_at_work(observed: &Observed) -> bool {
    observed
        .pods
        .iter()
        .chain(&observed.intake.pods)
        .chain(&observed.delivery.pods)
        .any(|pod| !matches!(pod.state, PodState::Ended { .. } | PodState::Lost))
}
