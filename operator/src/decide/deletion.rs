//! What to do for a run that is being deleted. It needs less than anything else: neither a good spec
//! nor a database that answers may keep a run from going.

use std::time::Duration;

use chancery_api::DeletionPolicy;
use k8s_openapi::jiff::Timestamp;

use super::{Decision, Effect, LOOK_AGAIN, failure_before, later, stage_before, until};
use crate::background::Kind;
use crate::facts::{Background, LedgerView, Observed, PodState};

/// How long signers may take to end before the ledger is cleared under them. They would find the run
/// deleted; nothing worse happens to one that can not be reached.
const LAST_PATIENCE: Duration = Duration::from_secs(60);

/// What to do for a run that is being deleted.
pub(crate) fn decide_deletion(observed: &Observed, now: Timestamp) -> Decision {
    // What has come to be said of the run stays so: it neither goes on nor recovers.
    let decision = Decision { failure: failure_before(observed), ..Decision::at(stage_before(observed)) };
    if !observed.object.has_finalizer {
        return decision;
    }
    let decision = if observed.background == Background::Seeding {
        decision.then(Effect::StopSeeding)
    } else {
        decision
    };
    let decision = match &observed.job {
        Some(job) if job.ours && !job.deleting => decision.then(Effect::DeleteJob),
        _ => decision,
    };
    let kept = observed.object.deletion_policy == DeletionPolicy::Retain;
    if kept || observed.object.abandon_ledger {
        return decision.then(Effect::RemoveFinalizer);
    }
    let ledger = match &observed.ledger {
        LedgerView::Away(why) => {
            return decision
                .hindered(
                    "DatabaseUnavailable",
                    format!(
                        "{why}; the deletion goes on by itself once it answers; if it never will, the annotation {}=true lets the run go without it",
                        chancery_api::names::ANNOTATION_ABANDON_LEDGER
                    ),
                )
                .again_after(LOOK_AGAIN);
        }
        LedgerView::Absent => return decision.then(Effect::RemoveFinalizer),
        // It belongs to another run of this name.
        LedgerView::Present(ledger) if ledger.conflict.is_some() => {
            return decision.then(Effect::RemoveFinalizer);
        }
        LedgerView::Present(ledger) => ledger,
    };
    let decision = if ledger.suspended || ledger.deleted {
        decision
    } else {
        decision.then(Effect::SetMutable { suspended: true })
    };
    let patience =
        observed.object.deleted_at.map_or(Duration::ZERO, |asked| until(later(asked, LAST_PATIENCE), now));
    if signers_at_work(observed) && !patience.is_zero() {
        return decision
            .hindered("SignersStopping", "the signers finish or give back what they have in hand")
            .again_after(patience);
    }
    match &observed.background {
        Background::Deleting => {
            decision.hindered("DeletingFromLedger", "the run is being removed from the ledger")
        }
        Background::Idle | Background::Seeding | Background::Failed { kind: Kind::Seeding, .. } => decision
            .then(Effect::StartDeleting)
            .hindered("DeletingFromLedger", "the run is being removed from the ledger"),
        Background::Failed { kind: Kind::Deleting, message, at } => {
            let pause = until(later(*at, LOOK_AGAIN), now);
            let decision =
                decision.hindered("DeletionFailed", format!("{message}; it is tried again by itself"));
            if pause.is_zero() { decision.then(Effect::StartDeleting) } else { decision.again_after(pause) }
        }
    }
}

fn signers_at_work(observed: &Observed) -> bool {
    observed.pods.iter().any(|pod| !matches!(pod.state, PodState::Ended { .. } | PodState::Lost))
}
