//! What each transition does.

use crate::acquire::{self, Answer};
use crate::action::Action;
use crate::ledger::Ledger;
use crate::model::LeaseModel;
use crate::owner;
use crate::run::Stage;
use crate::state::{Phase, Signer, State};
use crate::{clocks, undo};

/// The state after `action`, which is possible in `last`. None when nothing changes.
pub(crate) fn take(model: &LeaseModel, last: &State, action: Action) -> Option<State> {
    let mut state = step(model, last, action)?;
    state.condense(model.changes.joins > 0);
    changed(last, state)
}

fn step(model: &LeaseModel, last: &State, action: Action) -> Option<State> {
    let mut state = *last;
    match action {
        Action::Tick => clocks::tick(model, &mut state),
        Action::SlowClock(signer) => {
            of(&mut state, signer).slow = true;
            state.faults.slow_clocks -= 1;
        }
        Action::SetForward(by) => {
            clocks::set_forward(&mut state, by);
            changed(last, state)?;
            state.faults.set_forwards -= 1;
        }
        Action::SetBack { by, undone } => {
            clocks::set_back(&mut state, by, undone);
            changed(last, state)?;
            state.faults.set_backs -= 1;
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
        Action::FetchUnanswered(signer) => {
            of(&mut state, signer).phase = Phase::Unsure;
            state.faults.lost_sessions -= 1;
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
            if is_deleted(&mut state, signer) || !prolong(model, &mut state, signer) {
                return None;
            }
            changed(last, state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::Stop(signer) => stop(model, &mut state, signer),
        Action::GiveBack(signer) => {
            give_back(model, &mut state, signer);
            rest(&mut state, signer);
        }
        Action::GiveBackUnanswered(signer) => {
            give_back(model, &mut state, signer);
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
            state.ledger.close(usize::from(row));
            state.flush();
        }
        Action::Flush => state.flush(),
        Action::Restart { answers_read } => {
            undo::restart(model, &mut state, answers_read);
            changed(last, state)?;
            state.faults.restarts -= 1;
        }
        Action::BackUp => state.backup = Some(state.ledger),
        Action::Restore { backup } => {
            let earlier = if backup { state.backup.take()? } else { Ledger::of(model.size) };
            undo::restore(model, &mut state, earlier);
            changed(last, state)?;
            state.faults.restores -= 1;
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
pub(crate) fn rest(state: &mut State, signer: u8) {
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

/// `lease_renew`. A signer of a deleted run is refused, and learns no more than that it has to stop.
fn renew(model: &LeaseModel, state: &mut State, index: u8, late: u8) {
    let signer = *of(state, index);
    if state.ledger.run(signer.run).is_deleted() {
        stop(model, state, index);
    } else if prolong(model, state, index) {
        let signer = of(state, index);
        clocks::renew(signer, late);
        if signer.phase == Phase::Unsure {
            signer.phase = Phase::Fetched;
        }
    } else {
        rest(state, index);
    }
}

/// What the ledger does to renew the signer's lease, if it grants that.
fn prolong(model: &LeaseModel, state: &mut State, index: u8) -> bool {
    let (claim, before) = (of(state, index).claim, state.ledger);
    if !state.ledger.renew(claim, &model.protocol) {
        return false;
    }
    if model.protocol.durable_renewal {
        state.flush();
    } else {
        state.on_disk.get_or_insert(before);
    }
    true
}

fn stop(model: &LeaseModel, state: &mut State, index: u8) {
    let signer = *of(state, index);
    if signer.phase == Phase::Signing && !model.protocol.thread_awaited {
        give_back(model, state, index);
        of(state, index).phase = Phase::Careless;
    } else {
        *of(state, index) = signer.beyond_term(Phase::GivingBack);
    }
}

fn give_back(model: &LeaseModel, state: &mut State, signer: u8) {
    let claim = of(state, signer).claim;
    if state.ledger.abandon(claim, &model.protocol) {
        state.flush();
    }
}

fn store(model: &LeaseModel, state: &mut State, index: u8) {
    let signer = *of(state, index);
    if model.protocol.deleted_not_stored && state.ledger.run(signer.run).is_deleted() {
        return;
    }
    let before = state.ledger;
    let ended = before.row(signer.claim.token).is_none();
    if model.protocol.lease_guard {
        state.ledger.store(signer.claim, &model.protocol);
    } else {
        state.ledger.store_unguarded(signer.claim, signer.batch, &model.protocol);
    }
    if state.ledger != before {
        state.flush();
        state.misdeeds.stored_under_a_lost_lease |= ended;
        state.misdeeds.leased_or_stored_for_a_deleted_run |= state.ledger.run(signer.run).is_deleted();
    }
}

/// A signer's process has ended, and the owner saw it end.
pub(crate) fn dies(state: &mut State, signer: u8) {
    let signer = *of(state, signer);
    if !signer.is_holder() {
        return;
    }
    for ledger in state.ledgers_mut() {
        if let Some(row) = ledger.row(signer.claim.token).filter(|row| !ledger.leases[*row].signed) {
            ledger.leases[row].holder_dead = true;
        }
    }
}
