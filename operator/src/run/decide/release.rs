//! What signers that have ended still hold. A key that is held is missing in every run of its ring.

use crate::run::decide::decision::{Decision, Effect};
use crate::run::facts::{LedgerRun, Observed, PodState};

/// Releases at once the leases of signers whose container has ended.
pub(super) fn release_dead_holders(decision: Decision, observed: &Observed, ledger: &LedgerRun) -> Decision {
    let holders: Vec<String> = observed
        .pods
        .iter()
        .filter(|pod| matches!(pod.state, PodState::Ended { .. }))
        .map(|pod| pod.holder.clone())
        .filter(|holder| ledger.open_holders.contains(holder))
        .collect();
    if holders.is_empty() { decision } else { decision.first(Effect::ReleaseLeases { holders }) }
}
