//! What happens when no fault strikes any more.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::action::Action;
use crate::ledger::{Batch, BatchState};
use crate::model::LeaseModel;
use crate::run::Stage;
use crate::state::{Changes, Faults, Phase, State};
use crate::steps;

/// So that threads seldom wait for each other.
const SHELVES: usize = 32;

/// States, by their hash, from which all is known to come to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Completing(Arc<[Mutex<HashSet<u64>>; SHELVES]>);

impl Completing {
    fn hash(state: &State) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
    }

    fn shelf(&self, hash: u64) -> MutexGuard<'_, HashSet<u64>> {
        let shelf = usize::try_from(hash).unwrap_or(usize::MAX) % SHELVES;
        self.0[shelf].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    // What may still go wrong, or be changed, does not count here.
    let quiet = State { faults: Faults::default(), changes: Changes::default(), ..*state };
    let mut state = model.named(quiet);
    let mut passed = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let hash = Completing::hash(&state);
        if is_at_its_end(&state) || model.completing.shelf(hash).contains(&hash) {
            for hash in passed {
                model.completing.shelf(hash).insert(hash);
            }
            return true;
        }
        passed.push(hash);
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
        state = model.named(state);
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
        Phase::Unsure => Action::Renew { signer: index, late: 0 },
        Phase::Fetched if model.moments.may_sign(signer.elapsed, signer.slow) => Action::BeginSigning(index),
        Phase::Fetched => Action::Stop(index),
        Phase::Signing => Action::FinishSigning(index),
        Phase::Signed => Action::Store(index),
        Phase::GivingBack => Action::GiveBack(index),
        Phase::Careless => Action::ThreadEnds(index),
    }
}
