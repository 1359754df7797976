//! What was reported of a run when it was last reconciled.

use chancery_api::condition::{self, ConditionType};
use chancery_api::{Phase, Reason};

use crate::run::decide::decision::{Cause, Stage};
use crate::run::facts::Observed;

/// Failures that only the ledger, or the cluster, can show to have passed.
const LASTING: [Reason; 17] = [
    Reason::BeyondLimits,
    Reason::DeadlineExceeded,
    Reason::DeliveryFailed,
    Reason::DeliveryMisconfigured,
    Reason::IntakeFailed,
    Reason::IntakeMisconfigured,
    Reason::InvalidKek,
    Reason::KeyringDiffers,
    Reason::KeyringNotAdopted,
    Reason::KeyringUnknown,
    Reason::LedgerLost,
    Reason::NameTaken,
    Reason::NotAdopted,
    Reason::PolicyNotReady,
    Reason::SignerMisconfigured,
    Reason::SignersFailed,
    Reason::WrongKek,
];

/// Where the run stood.
pub(super) fn stage_before(observed: &Observed) -> Stage {
    if was(observed, ConditionType::Complete) {
        Stage::Complete
    } else if was(observed, ConditionType::Suspended) {
        Stage::Suspended
    } else {
        under_way(observed)
    }
}

/// Where a run stood that is neither complete nor suspended.
pub(super) fn under_way(observed: &Observed) -> Stage {
    let previous = &observed.object.previous;
    if previous.phase == Some(Phase::Seeding) {
        Stage::Seeding
    } else if previous.phase == Some(Phase::Delivering) {
        Stage::Delivering
    } else if was(observed, ConditionType::Sealed) || previous.batches.unwrap_or_default().total > 0 {
        Stage::Signing
    } else if was(observed, ConditionType::KeyringReady) || previous.keys.unwrap_or_default().made > 0 {
        Stage::Seeding
    } else {
        Stage::Pending
    }
}

/// Why the run could not continue, unless its spec was at fault.
pub(super) fn failure_before(observed: &Observed) -> Option<Cause> {
    let failed = condition::find(&observed.object.previous.conditions, ConditionType::Failed)?;
    let reason =
        LASTING.into_iter().find(|reason| failed.status == "True" && reason.as_str() == failed.reason)?;
    Some(Cause::new(reason, failed.message.clone()))
}

/// Whether the ledger had the run: anything was reported that only the ledger knows.
pub(super) fn was_in_ledger(observed: &Observed) -> bool {
    let previous = &observed.object.previous;
    previous.start_time.is_some()
        || previous.records.unwrap_or_default().seeded > 0
        || was(observed, ConditionType::KeyringReady)
        || was(observed, ConditionType::Sealed)
}

pub(super) fn was(observed: &Observed, type_: ConditionType) -> bool {
    condition::holds(&observed.object.previous.conditions, type_)
}
