//! What `lease_acquire` does.

use crate::ledger::{Claim, Ledger};
use crate::model::LeaseModel;
use crate::run::Stage;
use crate::state::{Phase, Signer, State};

/// What `lease_acquire` answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The signer that it makes.
    Leased(Signer),
    /// `deleted`.
    Deleted,
    /// `no_key`, `no_batch` or `complete`.
    Nothing,
}

/// `lease_acquire` for a signer of this run.
pub(crate) fn acquire(model: &LeaseModel, state: &mut State, run: u8) -> Answer {
    if state.ledger.run(run).is_deleted() {
        return Answer::Deleted;
    }
    take_turn(model, state, run)
}

/// What it does for a run that it takes to be kept.
pub(crate) fn take_turn(model: &LeaseModel, state: &mut State, run: u8) -> Answer {
    if state.ledger.run(run).completed {
        return Answer::Nothing;
    }
    let before = state.ledger;
    state.ledger.collect(&model.protocol);
    if let Some(key) = state.ledger.choice(&model.protocol) {
        if let Some(batch) = state.ledger.unsigned_batch(run) {
            return Answer::Leased(lease(model, state, before, run, key, batch));
        }
        let sealed = state.ledger.run(run).sealed || !model.protocol.sealed_before_complete;
        if sealed && !state.ledger.has_pending(run) {
            complete(state, run);
        }
    }
    if state.ledger != before {
        state.flush();
    }
    Answer::Nothing
}

/// Sets `completed_at`, where there is still a row to set it in.
fn complete(state: &mut State, run: u8) {
    let now = state.ledger.run_mut(run);
    state.misdeeds.completed_too_early |= !now.sealed || now.stage >= Stage::Dropped;
    now.completed = now.is_in_ledger();
}

/// The writes of an acquire, and its commit, which does not wait for the disk.
fn lease(model: &LeaseModel, state: &mut State, before: Ledger, run: u8, key: u8, batch: u8) -> Signer {
    let free = |other: u8| !state.ledger.is_leased(other);
    if !state.ledger.ring.is_least_recently_used(key, free) {
        state.misdeeds.leased_not_the_least_recently_used = true;
    }
    state.misdeeds.leased_or_stored_for_a_deleted_run |= state.ledger.run(run).is_deleted();
    // First, so that a lease that this turn collected keeps its name there.
    state.on_disk.get_or_insert(before);
    let token = state.unused_name();
    // What a sequence gave out in a transaction that was undone, it may give out once more.
    let id = match state.undone_ids {
        _ if model.protocol.token_checked => 0,
        0 => token,
        undone => u8::try_from(undone.trailing_zeros()).unwrap_or(0),
    };
    state.undone_ids &= !(1 << id);
    let claim = Claim { id, token };
    state.ledger.lease(claim, key, batch);
    Signer { phase: Phase::Leased, key, claim, batch, ..Signer::idle(run) }
}

/// Only without turns: a signer chooses a key that is free now. None when it finds none, or no batch.
pub(crate) fn choose(model: &LeaseModel, state: &State, run: u8) -> Option<Signer> {
    let mut seen = state.ledger;
    seen.collect(&model.protocol);
    let key = seen.choice(&model.protocol)?;
    if seen.unsigned_batch(run).is_none() && (seen.has_pending(run) || seen.run(run).completed) {
        return None;
    }
    Some(Signer { phase: Phase::Chosen, key, ..Signer::idle(run) })
}

/// Only without turns: the signer leases the key that it chose.
pub(crate) fn lease_chosen(model: &LeaseModel, state: &mut State, chosen: Signer) -> Signer {
    let Signer { run, key, .. } = chosen;
    let before = state.ledger;
    state.ledger.collect(&model.protocol);
    let refused = model.protocol.unique_index && state.ledger.is_leased(key);
    match state.ledger.unsigned_batch(run) {
        Some(batch) if !refused && !state.ledger.leases.is_full() => {
            lease(model, state, before, run, key, batch)
        }
        None if !state.ledger.has_pending(run) => {
            complete(state, run);
            state.flush();
            Signer::idle(run)
        }
        _ => {
            state.ledger = before;
            Signer::idle(run)
        }
    }
}
