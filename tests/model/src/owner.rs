//! What the owner of the ledger does to runs and ring. Each of its commits waits for the disk.

use crate::ledger::BatchState;
use crate::model::LeaseModel;
use crate::run::Stage;
use crate::state::State;

/// None when all batches of the run are closed.
pub(crate) fn close_batch(state: &mut State, run: u8) -> Option<()> {
    let mut batches = state.ledger.batches.iter_mut();
    batches.find(|batch| batch.run == run && batch.state == BatchState::Absent)?.state = BatchState::Unsigned;
    state.flush();
    Some(())
}

pub(crate) fn seal(state: &mut State, run: u8) {
    state.ledger.run_mut(run).sealed = true;
    state.flush();
}

/// The next step of a deletion.
pub(crate) fn delete(model: &LeaseModel, state: &mut State, run: u8) {
    match state.ledger.run(run).stage {
        Stage::Kept => {
            state.ledger.run_mut(run).stage = Stage::Marked;
            state.changes.deletions -= 1;
        }
        Stage::Marked => state.ledger.drop_batches(run),
        Stage::Dropped => {
            state.misdeeds.forgot_what_is_needed |= state.ledger.remove_run(run, &model.protocol);
        }
        Stage::Removed => {}
    }
    state.flush();
}

pub(crate) fn join(model: &LeaseModel, state: &mut State) {
    state.ledger.ring.join(&model.protocol);
    state.changes.joins -= 1;
    state.flush();
}

pub(crate) fn retire(state: &mut State, name: u8) {
    for key in state.ledger.ring.keys.iter_mut().filter(|key| key.name == name) {
        key.retired = true;
    }
    state.changes.retirements -= 1;
    state.flush();
}
