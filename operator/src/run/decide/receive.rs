//! What to do about a run to which programs push: nothing reads for it. Its signers are there, and wait for batches, until it
//! is sealed. If its policy asks others, its intake is there as well, as where something is read: that asks.

use std::time::Duration;

use chancery_api::Reason;

use crate::run::decide::beside::blocked;
use crate::run::decide::decision::{Decision, LOOK_AGAIN, Stage};
use crate::run::facts::{LedgerRun, Observed, SourcesRead};
use crate::run::room::Room;

/// How soon to look again at a run that takes nothing in for now: no watch reports that there is room again.
const LOOK_AT_HOLD: Duration = Duration::from_secs(5);

/// Adds to what is decided about the signers of a run that is not sealed. What stops the signers is reported first.
pub(super) fn receive(
    decision: Decision,
    observed: &Observed,
    ledger: &LedgerRun,
    sources: &SourcesRead,
) -> Decision {
    if let Some(refusal) = &observed.intake.refusal {
        return decision.failed(refusal.reason, refusal.message.clone()).again_after(LOOK_AGAIN);
    }
    if let Room::Short { why } = &observed.room {
        return blocked(decision.again_after(LOOK_AGAIN), Reason::DatabaseNearlyFull, why);
    }
    match &sources.held {
        Some(why) => blocked(decision.again_after(LOOK_AT_HOLD), Reason::IntakeHeld, why),
        None if waits(ledger) => Decision { stage: Stage::Receiving, ..decision },
        None => decision,
    }
}

/// Whether all that was pushed is signed, and there is a key for what comes next.
fn waits(ledger: &LedgerRun) -> bool {
    ledger.counts.keys_made > 0 && ledger.unsigned_batches() == 0
}
