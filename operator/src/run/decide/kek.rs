//! What to report where a data key is needed, and the operator's KEKs do not open it.

use chancery_api::Reason;

use crate::run::decide::decision::Cause;
use crate::run::facts::{LedgerRun, Observed};

/// Why the data key of the run's ring does not open; none if it does.
pub(super) fn kek_problem(observed: &Observed, ledger: &LedgerRun) -> Option<Cause> {
    let wanted = &ledger.kek_fingerprint;
    match &observed.kek {
        Err(why) => Some(Cause::new(Reason::InvalidKek, why.clone())),
        Ok(given) if given.contains(wanted) => None,
        Ok(given) => Some(Cause::new(
            Reason::WrongKek,
            format!(
                "the data key of the run's keyring is wrapped by a KEK that the operator has not: its fingerprint is {wanted}, the operator has {}; put that KEK into the operator's Secret, or name its Secret in kek.former of the chart's values if another has taken its place",
                given.join(", ")
            ),
        )),
    }
}
