//! What each transition does.

use crate::action::Action;
use crate::ledger::Ledger;
use crate::model::LeaseModel;
use crate::moments::OVER;
use crate::state::{Phase, Signer, State};

/// The state after `action`, which is possible in `last`. None when nothing changes.
pub(crate) fn take(model: &LeaseModel, last: &State, action: Action) -> Option<State> {
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
            if let Some(leased) = acquire(&mut state) {
                *of(&mut state, signer) = Signer { elapsed: late, ..leased };
                state.faults.late_requests -= u8::from(late > 0);
            } else if late > 0 {
                return None;
            }
        }
        Action::AcquireUnanswered => {
            acquire(&mut state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::Choose(signer) => choose(&mut state, signer)?,
        Action::LeaseChosen(signer) => lease_chosen(model, &mut state, signer),
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
            renew(&mut state, signer, late);
            state.faults.late_requests -= u8::from(late > 0);
        }
        Action::RenewUnanswered(signer) => {
            let stopping = *of(&mut state, signer);
            if !state.ledger.renew(stopping.lease) {
                return None;
            }
            state.flush();
            state.faults.lost_sessions -= 1;
            stop(model, &mut state, signer);
        }
        Action::Stop(signer) => stop(model, &mut state, signer),
        Action::GiveBack(signer) => {
            give_back(&mut state, signer);
            *of(&mut state, signer) = Signer::default();
        }
        Action::GiveBackUnanswered(signer) => {
            give_back(&mut state, signer);
            changed(last, state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::LeaveOpen(signer) => {
            *of(&mut state, signer) = Signer::default();
            state.faults.lost_sessions -= 1;
        }
        Action::ThreadEnds(signer) => *of(&mut state, signer) = Signer::default(),
        Action::Store(signer) => {
            store(model, &mut state, signer);
            *of(&mut state, signer) = Signer::default();
        }
        Action::StoreUnanswered(signer) => {
            store(model, &mut state, signer);
            changed(last, state)?;
            state.faults.lost_sessions -= 1;
        }
        Action::Crash(signer) => {
            dies(&mut state, signer);
            *of(&mut state, signer) = Signer::default();
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
    }
    changed(last, state)
}

fn changed(last: &State, state: State) -> Option<State> {
    (state != *last).then_some(state)
}

fn of(state: &mut State, signer: u8) -> &mut Signer {
    &mut state.signers[usize::from(signer)]
}

/// Clocks move on: the database's or not, and each signer's but one.
fn tick(model: &LeaseModel, state: &mut State, database: bool, all_but: Option<u8>) {
    if database {
        state.ledger.tick();
        if let Some(on_disk) = &mut state.on_disk {
            on_disk.tick();
        }
    }
    for index in 0..model.size.signers {
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
                    *of(state, index) = Signer::default();
                }
            }
            _ => {}
        }
    }
}

/// `lease_acquire`. Returns the signer that it makes, if it leases something.
fn acquire(state: &mut State) -> Option<Signer> {
    let before = state.ledger;
    state.ledger.collect();
    let (key, batch) = (state.ledger.choice(), state.ledger.unsigned_batch());
    let (Some(key), Some(batch)) = (key, batch) else {
        if state.ledger != before {
            state.flush();
        }
        return None;
    };
    Some(lease(state, before, key, batch))
}

/// The writes of an acquire, and its commit, which does not wait for the disk.
fn lease(state: &mut State, before: Ledger, key: u8, batch: u8) -> Signer {
    let free = |other: &u8| !state.ledger.is_leased(*other);
    if state.ledger.order.iter().copied().find(free) != Some(key) {
        state.misdeeds.leased_not_the_least_recently_used = true;
    }
    // What a sequence gave out in a transaction that a crash undid, it may give out once more.
    let id = if state.undone_ids != 0 {
        u8::try_from(state.undone_ids.trailing_zeros()).unwrap_or(0)
    } else {
        state.unused_id()
    };
    state.undone_ids &= !(1 << id);
    state.on_disk.get_or_insert(before);
    state.ledger.lease(id, key, batch);
    Signer { phase: Phase::Leased, key, lease: id, batch, elapsed: 0, lagged: false }
}

fn choose(state: &mut State, signer: u8) -> Option<()> {
    let mut seen = state.ledger;
    seen.collect();
    let key = seen.choice()?;
    seen.unsigned_batch()?;
    *of(state, signer) = Signer { phase: Phase::Chosen, key, ..Signer::default() };
    Some(())
}

fn lease_chosen(model: &LeaseModel, state: &mut State, signer: u8) {
    let before = state.ledger;
    let key = of(state, signer).key;
    state.ledger.collect();
    let refused = model.protocol.unique_index && state.ledger.is_leased(key);
    *of(state, signer) = match state.ledger.unsigned_batch() {
        Some(batch) if !refused && !state.ledger.leases.is_full() => lease(state, before, key, batch),
        _ => {
            state.ledger = before;
            Signer::default()
        }
    };
}

fn renew(state: &mut State, index: u8, late: u8) {
    let signer = *of(state, index);
    *of(state, index) = if state.ledger.renew(signer.lease) {
        state.flush();
        Signer { elapsed: late, lagged: false, ..signer }
    } else {
        Signer::default()
    };
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
    }
}

/// A signer's process has ended, and somebody saw it end.
fn dies(state: &mut State, signer: u8) {
    let signer = *of(state, signer);
    if signer.phase <= Phase::Chosen {
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
        *signer = if gives_back { signer.beyond_term(Phase::GivingBack) } else { Signer::default() };
    }
    if let Some(on_disk) = state.on_disk.take() {
        for lease in state.ledger.leases.iter().filter(|lease| on_disk.row(lease.id).is_none()) {
            // An id that nobody remembers is as good as a new one.
            if state.signers.iter().any(|signer| signer.phase != Phase::Idle && signer.lease == lease.id) {
                state.undone_ids |= 1 << lease.id;
            }
        }
        state.ledger = on_disk;
    }
}
