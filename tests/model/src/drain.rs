//! What happens when no fault strikes any more.

use crate::action::Action;
use crate::model::LeaseModel;
use crate::state::{Phase, State};
use crate::steps;

/// Far more than any state needs.
const PATIENCE: usize = 300;

/// Whether the run completes from here when nothing goes wrong: signers act in turns, each doing what
/// comes next in its loop, and time passes when all of them wait.
///
/// It holds in every reachable state, hence also in every state that is reached without faults from
/// there: so from then on no run can be stuck, nor go round for ever among states from which
/// completion has become impossible. It completes unless luck is against it for ever.
pub(crate) fn completes(model: &LeaseModel, state: &State) -> bool {
    let mut state = *state;
    for _ in 0..PATIENCE {
        if state.ledger.is_complete() {
            return true;
        }
        let mut waiting = true;
        for index in 0..model.size.signers {
            if let Some(next) = steps::take(model, &state, next_action(model, &state, index)) {
                state = next;
                waiting = false;
            }
        }
        if waiting {
            match steps::take(model, &state, Action::Tick) {
                Some(next) => state = next,
                None => return false,
            }
        }
    }
    false
}

/// What comes next in a signer's loop.
fn next_action(model: &LeaseModel, state: &State, index: u8) -> Action {
    let signer = state.signers[usize::from(index)];
    match signer.phase {
        Phase::Idle if model.protocol.turn => Action::Acquire { signer: index, late: 0 },
        Phase::Idle => Action::Choose(index),
        Phase::Chosen => Action::LeaseChosen(index),
        Phase::Leased => Action::Fetch(index),
        Phase::Fetched if model.moments.may_sign(signer.elapsed) => Action::BeginSigning(index),
        Phase::Fetched => Action::Stop(index),
        Phase::Signing => Action::FinishSigning(index),
        Phase::Signed => Action::Store(index),
        Phase::GivingBack => Action::GiveBack(index),
        Phase::Careless => Action::ThreadEnds(index),
    }
}
