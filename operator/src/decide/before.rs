//! What was said of a run when it was last looked at.

use chancery_api::Phase;
use chancery_api::condition::{self, ConditionType};

use super::{Reason, Stage, job};
use crate::facts::Observed;

/// Failures of which only the ledger, or the cluster, can tell that they have passed.
const LASTING: [&str; 7] = [
    "DeadlineExceeded",
    "InvalidKek",
    "LedgerLost",
    "NameTaken",
    job::NEVER_WORKS,
    "SignersFailed",
    "WrongKek",
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
    if was(observed, ConditionType::Seeded) {
        Stage::Signing
    } else if observed.object.previous.phase == Some(Phase::Seeding) {
        Stage::Seeding
    } else {
        Stage::Pending
    }
}

/// Why the run could not go on, unless its spec was at fault.
pub(super) fn failure_before(observed: &Observed) -> Option<Reason> {
    let failed = condition::find(&observed.object.previous.conditions, ConditionType::Failed)?;
    let reason = LASTING.into_iter().find(|reason| failed.status == "True" && *reason == failed.reason)?;
    Some(Reason::new(reason, failed.message.clone()))
}

pub(super) fn was(observed: &Observed, type_: ConditionType) -> bool {
    condition::holds(&observed.object.previous.conditions, type_)
}
