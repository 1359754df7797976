//! What undoes commits: a crash of the database, and a ledger that goes back to an earlier state.

use crate::ledger::{Claim, Ledger};
use crate::model::LeaseModel;
use crate::state::{Assumptions, Phase, Signer, State};

/// What is not on disk is lost, and so is every session. A signer that has not fetched cannot do so before it
/// knows that the ledger still has its lease.
pub(crate) fn restart(model: &LeaseModel, state: &mut State, answers_read: bool) {
    for signer in state.signers.iter_mut().filter(|signer| signer.phase == Phase::Leased) {
        *signer =
            if answers_read { Signer { phase: Phase::Unsure, ..*signer } } else { Signer::idle(signer.run) };
    }
    if let Some(on_disk) = state.on_disk.take() {
        let before = state.ledger;
        become_earlier(model, state, on_disk, |claim| before.row(claim.token).is_some());
    }
}

/// The ledger goes back to a copy, or to its beginning. Law 4 is not promised for the leases that signers have
/// at this moment.
pub(crate) fn restore(model: &LeaseModel, state: &mut State, earlier: Ledger) {
    for signer in state.signers.iter_mut().filter(|signer| signer.is_counting()) {
        signer.assumptions = Assumptions::Broken;
        if signer.phase == Phase::Leased {
            signer.phase = Phase::Unsure;
        }
    }
    become_earlier(model, state, earlier, |_| true);
    state.flush();
}

/// `is_later`: whether a lease that `earlier` does not have was granted after it.
fn become_earlier(model: &LeaseModel, state: &mut State, earlier: Ledger, is_later: impl Fn(Claim) -> bool) {
    state.ledger = earlier;
    if !model.protocol.token_checked {
        // An id that no signer remembers is as good as a new one.
        let remembered = state.signers.iter().filter(|signer| signer.is_holder()).map(|signer| signer.claim);
        let undone = remembered.filter(|claim| earlier.row(claim.token).is_none() && is_later(*claim));
        state.undone_ids = undone.fold(state.undone_ids, |ids, claim| ids | 1 << claim.id);
    }
}
