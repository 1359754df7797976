//! What each transition does.

use crate::acquire::{self, Answer};
use crate::action::Action;
use crate::model::LeaseModel;
use crate::moments::OVER;
use crate::owner;
use crate::run::Stage;
use crate::state::{Phase, Signer, State};

/// The state after `action`, which is possible in `last`. None when nothing changes.
pub(crate) fn take(model: &LeaseModel, last: &State, action: Action) -> Option<State> {
    let mut state = step(model, last, action)?;
    state.condense(model.changes.joins > 0);
    changed(last, state)
}

fn step(model: &LeaseModel, last: &State, action: Action) -> Option<State> {
    let mut state = *last;
    match action {
        Action::Tick => tick(model, &mut state, true, None),
        Action::TickWithout(signer) => {
            tick(model, &mut state, true, Some(signer));
            changed(last, state)?;
            state.faults.slow_ticks -= 1;
        }
        Action::TickWithoutDatabase => {
            tick(model, &mut state, false, None);
            changed(last, state)?;
            state.faults.slow_ticks -= 1;
        }
        Action::Acquire { signer, late } => {
            let run = of(&mut state, signer).run;
            match acquire::acquire(model, &mut state, run) {
                Answer::Leased(leased) => {
                    *of(&mut state, signer) = Signer { elapsed: late, ..leased };
                    state.faults.late_requests -= u8::from(late > 0);
                }
                _ if late > 0 => return None,
                Answer::Deleted => of(&mut state, signer).phase = Phase::Ended,
                Answer::Nothing => {}
            }
        }
        Action::AcquireUnanswered(run) => {
            let Answer::Leased(_) = acquire::acquire(model, &mut state, run) else { return None };
            state.faults.lost_sessions -= 1;
        }
        Action::AcquireReadBefore(signer) => {
            let run = of(&mut state, signer).run;
            if let Answer::Leased(leased) = acquire::take_turn(model, &mut state, run) {
                *of(&mut state, signer) = leased;
            }
        }
        Action::Choose(signer) => {
            let run = of(&mut state, signer).run;
            *of(&mut state, signer) = acquire::choose(model, &state, run)?;
        }
        Action::LeaseChosen(signer) => {
            let chosen = *of(&mut state, signer);
            *of(&mut state, signer) = acquire::lease_chosen(model, &mut state, chosen);
        }
        Action::Fetch(signer) if is_dropped(&mut state, signer) => rest(&mut state, signer),
        Action::Fetch(signer) => {
            if model.protocol.durable_fetch {
                state.flush();
            }
            let signer = of(&mut state, signer);
            signer.phase = Phase::Fetched;
            if !model.protocol.counted_from_before {
                signer.elapsed = 0;
            }
        }
        Action::BeginSigning(signer) => of(&mut state, signer).phase = Phase::Signing,
        Action::NextPart(signer) => {
            let signer = of(&mut state, signer);
            signer.phase = Phase::Fetched;
            signer.elapsed = signer.elapsed.min(model.moments.useless());
        }
        Action::FinishSigning(signer) => {
            let signer = of(&mut state, signer);
            *signer = signer.beyond_term(Phase::Signed);
        }
        Action::Renew { signer, late } => {
            if late > 0 && is_deleted(&mut state, signer) {
                return None;
            }
            renew(model, &mut state, signer, late);
            state.faults.late_requests -= u8::from(late > 0);
        }
        Action::RenewUnanswered(signer) => {
            let stopping = *of(&mut state, signer);
            if state.ledger.run(stopping.run).is_deleted() || !state.ledger.renew(stopping.lease) {
                return None;
            }
            state.flush();
            state.faults.lost_sessions -= 1;
            stop(model, &mut state, signer);
        }
        Action::Stop(signer) => stop(model, &mut state, signer),
        Action::GiveBack(signer) => {
            give_back(&mut state, signer);
            rest(&mut state, signer);
        }
        Action::GiveBackUnanswered(signer) => {
            give_back(&mut state, signer);
            changed(last, state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::LeaveOpen(signer) => {
            let run = of(&mut state, signer).run;
            rest(&mut state, signer);
            state.faults.lost_sessions -= u8::from(!state.ledger.run(run).is_deleted());
        }
        Action::ThreadEnds(signer) => rest(&mut state, signer),
        Action::Store(signer) if is_deleted(&mut state, signer) && model.protocol.deleted_not_stored => {
            stop(model, &mut state, signer);
        }
        Action::Store(signer) => {
            store(model, &mut state, signer);
            rest(&mut state, signer);
        }
        Action::StoreUnanswered(signer) => {
            store(model, &mut state, signer);
            changed(last, state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::Crash(signer) => {
            dies(&mut state, signer);
            rest(&mut state, signer);
            state.faults.crashes -= 1;
        }
        Action::CrashWithStatementUnderWay(signer) => {
            dies(&mut state, signer);
            changed(last, state)?;
            state.faults.crashes -= 1;
        }
        Action::ReleaseDead(row) => {
            let id = state.ledger.leases[usize::from(row)].id;
            state.ledger.abandon(id);
            state.flush();
        }
        Action::Flush => state.flush(),
        Action::Restart { answers_read } => {
            restart(model, &mut state, answers_read);
            changed(last, state)?;
            state.faults.restarts -= 1;
        }
        Action::CloseBatch(run) => owner::close_batch(&mut state, run)?,
        Action::Seal(run) => owner::seal(&mut state, run),
        Action::Delete(run) => owner::delete(model, &mut state, run),
        Action::Join => owner::join(model, &mut state),
        Action::Retire(key) => owner::retire(&mut state, key),
    }
    Some(state)
}

fn changed(last: &State, state: State) -> Option<State> {
    (state != *last).then_some(state)
}

fn of(state: &mut State, signer: u8) -> &mut Signer {
    &mut state.signers[usize::from(signer)]
}

/// The signer holds nothing any more.
fn rest(state: &mut State, signer: u8) {
    let signer = of(state, signer);
    *signer = Signer::idle(signer.run);
}

fn is_deleted(state: &mut State, signer: u8) -> bool {
    let run = of(state, signer).run;
    state.ledger.run(run).is_deleted()
}

/// Whether there is nothing to fetch for this signer.
fn is_dropped(state: &mut State, signer: u8) -> bool {
    let run = of(state, signer).run;
    state.ledger.run(run).stage >= Stage::Dropped
}

/// Clocks move on: the database's or not, and each signer's but one.
fn tick(model: &LeaseModel, state: &mut State, database: bool, all_but: Option<u8>) {
    if database {
        state.ledger.tick();
        if let Some(on_disk) = &mut state.on_disk {
            on_disk.tick();
        }
    }
    for index in 0..model.size.signers_in_all() {
        let signer = of(state, index);
        if all_but == Some(index) {
            signer.lagged = true;
            continue;
        }
        match signer.phase {
            Phase::Leased | Phase::Fetched => {
                signer.elapsed = (signer.elapsed + 1).min(model.moments.useless());
            }
            Phase::Signing => {
                signer.elapsed = (signer.elapsed + 1).min(OVER);
                if model.moments.fenced(signer.elapsed) {
                    dies(state, index);
                    rest(state, index);
                }
            }
            _ => {}
        }
    }
}

/// `lease_renew`. A signer of a deleted run is refused, and learns no more than that it has to stop.
fn renew(model: &LeaseModel, state: &mut State, index: u8, late: u8) {
    let signer = *of(state, index);
    if state.ledger.run(signer.run).is_deleted() {
        stop(model, state, index);
    } else if state.ledger.renew(signer.lease) {
        state.flush();
        *of(state, index) = Signer { elapsed: late, lagged: false, ..signer };
    } else {
        rest(state, index);
    }
}

fn stop(model: &LeaseModel, state: &mut State, index: u8) {
    let signer = *of(state, index);
    if signer.phase == Phase::Signing && !model.protocol.thread_awaited {
        give_back(state, index);
        of(state, index).phase = Phase::Careless;
    } else {
        *of(state, index) = signer.beyond_term(Phase::GivingBack);
    }
}

fn give_back(state: &mut State, signer: u8) {
    let lease = of(state, signer).lease;
    if state.ledger.abandon(lease) {
        state.flush();
    }
}

fn store(model: &LeaseModel, state: &mut State, index: u8) {
    let signer = *of(state, index);
    if model.protocol.deleted_not_stored && state.ledger.run(signer.run).is_deleted() {
        return;
    }
    let before = state.ledger;
    let ended = before.row(signer.lease).is_none();
    if model.protocol.lease_guard {
        state.ledger.store(signer.lease);
    } else {
        state.ledger.store_unguarded(signer.lease, signer.batch, model.protocol.signature_key);
    }
    if state.ledger != before {
        state.flush();
        state.misdeeds.stored_under_a_lost_lease |= ended;
        state.misdeeds.leased_or_stored_for_a_deleted_run |= state.ledger.run(signer.run).is_deleted();
    }
}

/// A signer's process has ended, and the owner saw it end.
fn dies(state: &mut State, signer: u8) {
    let signer = *of(state, signer);
    if !signer.is_holder() {
        return;
    }
    for ledger in [Some(&mut state.ledger), state.on_disk.as_mut()].into_iter().flatten() {
        if let Some(row) = ledger.row(signer.lease).filter(|row| !ledger.leases[*row].signed) {
            ledger.leases[row].holder_dead = true;
        }
    }
}

/// What is not on disk is lost, and so is every session: a lease that was not fetched never will be.
fn restart(model: &LeaseModel, state: &mut State, answers_read: bool) {
    for signer in state.signers.iter_mut().filter(|signer| signer.phase == Phase::Leased) {
        let gives_back = answers_read && !model.protocol.only_fetched_given_back;
        *signer = if gives_back { signer.beyond_term(Phase::GivingBack) } else { Signer::idle(signer.run) };
    }
    if let Some(on_disk) = state.on_disk.take() {
        for lease in state.ledger.leases.iter().filter(|lease| on_disk.row(lease.id).is_none()) {
            // An id that no signer remembers is as good as a new one.
            if state.signers.iter().any(|signer| signer.is_holder() && signer.lease == lease.id) {
                state.undone_ids |= 1 << lease.id;
            }
        }
        state.ledger = on_disk;
    }
}
