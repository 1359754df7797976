//! What happens when no fault strikes any more.

use crate::action::Action;
use crate::ledger::{Batch, BatchState};
use crate::model::LeaseModel;
use crate::run::Stage;
use crate::state::{Phase, State};
use crate::steps;

/// Far more rounds than any state needs.
const MOST_ROUNDS: usize = 300;

/// Whether all comes to its end from here when nothing goes wrong: runs complete, and those that are being
/// deleted are removed and their signers learn so. The owner and the signers act in turns, each doing what
/// comes next, and time passes when all of them wait.
///
/// It holds in every reachable state, hence also in every state that is reached without faults from
/// there: so from then on no run can be stuck, nor go round for ever among states from which
/// completion has become impossible. It completes unless luck is against it for ever.
pub(crate) fn completes(model: &LeaseModel, state: &State) -> bool {
    let mut state = *state;
    for _ in 0..MOST_ROUNDS {
        if is_at_its_end(&state) {
            return true;
        }
        let mut waiting = true;
        let runs = 0..model.size.runs;
        let owner = runs.filter_map(|run| action_of_owner(&state, run)).collect::<Vec<_>>();
        let signers = 0..model.size.signers_in_all();
        for action in owner {
            if let Some(next) = steps::take(model, &state, action) {
                state = next;
                waiting = false;
            }
        }
        for index in signers {
            if let Some(next) = steps::take(model, &state, action_of_signer(model, &state, index)) {
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

fn is_at_its_end(state: &State) -> bool {
    let runs_are = state.ledger.runs.iter().all(|run| match run.stage {
        Stage::Kept => run.completed,
        Stage::Marked | Stage::Dropped => false,
        Stage::Removed => true,
    });
    let mut signers = state.signers.iter().filter(|signer| state.ledger.run(signer.run).is_deleted());
    runs_are && signers.all(|signer| signer.phase == Phase::Ended)
}

/// What the owner does next with a run.
fn action_of_owner(state: &State, run: u8) -> Option<Action> {
    let now = state.ledger.run(run);
    if now.is_being_deleted() {
        return Some(Action::Delete(run));
    }
    if now.sealed || now.is_deleted() {
        return None;
    }
    let absent = |batch: &Batch| batch.run == run && batch.state == BatchState::Absent;
    let all_closed = !state.ledger.batches.iter().any(absent);
    Some(if all_closed { Action::Seal(run) } else { Action::CloseBatch(run) })
}

/// What comes next in a signer's loop.
fn action_of_signer(model: &LeaseModel, state: &State, index: u8) -> Action {
    let signer = state.signers[usize::from(index)];
    match signer.phase {
        Phase::Idle | Phase::Ended if model.protocol.turn => Action::Acquire { signer: index, late: 0 },
        Phase::Idle | Phase::Ended => Action::Choose(index),
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
