//! What can happen next.

use stateright::{Model, Property};

use crate::action::Action;
use crate::drain::Completing;
use crate::expiry::By;
use crate::moments::Moments;
use crate::properties;
use crate::protocol::Protocol;
use crate::run::Stage;
use crate::state::{Changes, Faults, Phase, Signer, State};
use crate::steps;

/// How much of everything there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Runs on the ring, 1..=2.
    pub runs: u8,
    /// Signers per run, 1..=3.
    pub signers: u8,
    /// Keys, 1..=3.
    pub keys: u8,
    /// Batches per run, 1..=3.
    pub batches: u8,
    /// Whether all batches are there from the start. Otherwise they appear one after another, as many as the
    /// owner likes, up to this number, until the owner seals the run.
    pub sealed: bool,
}

impl Size {
    pub(crate) fn signers_in_all(self) -> u8 {
        self.runs * self.signers
    }
}

/// The protocol with so many signers, keys and batches, so many faults, and so many changes.
#[derive(Clone, Debug)]
pub struct LeaseModel {
    pub(crate) size: Size,
    pub(crate) faults: Faults,
    pub(crate) changes: Changes,
    pub(crate) protocol: Protocol,
    pub(crate) moments: Moments,
    /// Whether states that differ in names only count as one.
    symmetry: bool,
    /// States from which all comes to its end.
    pub(crate) completing: Completing,
}

impl LeaseModel {
    /// The present protocol; states that differ in names only count as one.
    #[must_use]
    pub fn new(size: Size, faults: Faults, changes: Changes) -> Self {
        Self { symmetry: true, ..Self::with(size, faults, changes, Protocol::present()) }
    }

    /// Another protocol. Signers keep their names, so that a counterexample can be read.
    #[must_use]
    pub fn with(size: Size, faults: Faults, changes: Changes, protocol: Protocol) -> Self {
        let moments = Moments::of(&protocol);
        Self { size, faults, changes, protocol, moments, symmetry: false, completing: Completing::default() }
    }
}

impl Model for LeaseModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.size, self.faults, self.changes)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Tick, Action::Flush]);
        for (signer, now) in (0_u8..).zip(state.signers.iter()) {
            self.actions_of(signer, *now, state.faults.late_requests > 0, actions);
            let deleted = state.ledger.run(now.run).is_deleted();
            if deleted && now.phase == Phase::GivingBack {
                actions.push(Action::LeaveOpen(signer));
            }
            if deleted && now.phase == Phase::Idle && !self.protocol.run_read_in_turn {
                actions.push(Action::AcquireReadBefore(signer));
            }
        }
        let (faults, rows) = (state.faults, (0_u8..).zip(state.ledger.leases.iter()));
        actions.extend(
            rows.filter(|(_, lease)| {
                !lease.signed && (lease.holder_dead || !self.protocol.only_dead_released)
            })
            .map(|(row, _)| Action::ReleaseDead(row)),
        );
        self.actions_of_owner(state, actions);
        let busy = |signer: &&(u8, &Signer)| signer.1.phase > Phase::Idle;
        let signers = || (0_u8..).zip(state.signers.iter());
        if faults.crashes > 0 {
            for (signer, now) in signers().filter(|signer| busy(&signer)) {
                actions.push(Action::Crash(signer));
                if matches!(now.phase, Phase::Signed | Phase::GivingBack) {
                    actions.push(Action::CrashWithStatementUnderWay(signer));
                }
            }
        }
        if faults.lost_sessions > 0 {
            actions.extend(
                (0..self.size.runs)
                    .filter(|run| signers().any(|(_, now)| now.run == *run && now.phase == Phase::Idle))
                    .map(Action::AcquireUnanswered),
            );
            for (signer, now) in signers() {
                match now.phase {
                    Phase::Leased => actions.push(Action::FetchUnanswered(signer)),
                    Phase::Unsure | Phase::Fetched | Phase::Signing => {
                        actions.push(Action::RenewUnanswered(signer));
                    }
                    Phase::Signed => actions.push(Action::StoreUnanswered(signer)),
                    Phase::GivingBack => {
                        actions.push(Action::GiveBackUnanswered(signer));
                        if !state.ledger.run(now.run).is_deleted() {
                            actions.push(Action::LeaveOpen(signer));
                        }
                    }
                    _ => {}
                }
            }
        }
        if faults.restarts > 0 {
            actions.extend([true, false].map(|answers_read| Action::Restart { answers_read }));
        }
        if faults.slow_clocks > 0 {
            let can_be_slow = |now: &Signer| now.is_counting() && !now.slow;
            let slow = signers().filter(|(_, now)| can_be_slow(now));
            actions.extend(slow.map(|(signer, _)| Action::SlowClock(signer)));
        }
        if faults.set_forwards > 0 {
            actions.extend([By::Half, By::Far].map(Action::SetForward));
        }
        if faults.set_backs > 0 {
            let ways = [(By::Half, false), (By::Far, false), (By::Far, true)];
            actions.extend(ways.map(|(by, undone)| Action::SetBack { by, undone }));
        }
        if faults.restores > 0 {
            actions.extend([true, false].map(|backup| Action::Restore { backup }));
            if state.backup.is_none() {
                actions.push(Action::BackUp);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        steps::take(self, last, action).map(|next| self.named(next))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl LeaseModel {
    /// The state under the names that all its equals get, where those count as one.
    pub(crate) fn named(&self, state: State) -> State {
        if self.symmetry { state.canonical() } else { state }
    }

    /// What a signer can do next, or what the database can do for it. `late`: also long after it asked.
    fn actions_of(&self, signer: u8, now: Signer, late: bool, actions: &mut Vec<Action>) {
        match now.phase {
            Phase::Ended => {}
            Phase::Idle if self.protocol.turn => {
                // Later than this, the lease is of no use to the signer whenever it comes.
                let latest = if late { self.moments.useless() } else { 0 };
                actions.extend((0..=latest).map(|late| Action::Acquire { signer, late }));
            }
            Phase::Idle => actions.push(Action::Choose(signer)),
            Phase::Chosen => actions.push(Action::LeaseChosen(signer)),
            Phase::Leased => actions.push(Action::Fetch(signer)),
            Phase::Unsure | Phase::Fetched | Phase::Signing => {
                if now.phase == Phase::Signing {
                    actions.extend([Action::FinishSigning(signer), Action::NextPart(signer)]);
                } else if now.phase == Phase::Fetched && self.moments.may_sign(now.elapsed, now.slow) {
                    actions.push(Action::BeginSigning(signer));
                }
                actions.push(Action::Stop(signer));
                let latest = if late { now.elapsed } else { 0 };
                actions.extend((0..=latest).map(|late| Action::Renew { signer, late }));
            }
            Phase::Signed => actions.push(Action::Store(signer)),
            Phase::GivingBack => actions.push(Action::GiveBack(signer)),
            Phase::Careless => actions.push(Action::ThreadEnds(signer)),
        }
    }

    fn actions_of_owner(&self, state: &State, actions: &mut Vec<Action>) {
        for (run, now) in (0_u8..).zip(state.ledger.runs.iter()) {
            if now.is_being_deleted() || (now.stage == Stage::Kept && state.changes.deletions > 0) {
                actions.push(Action::Delete(run));
            }
            if now.stage == Stage::Kept && !now.sealed {
                actions.extend([Action::CloseBatch(run), Action::Seal(run)]);
            }
        }
        if state.changes.joins > 0 {
            actions.push(Action::Join);
        }
        if state.changes.retirements > 0 {
            // The owner keeps a key that can be chosen.
            let active = || state.ledger.ring.keys.iter().filter(|key| !key.retired);
            if active().count() > 1 {
                actions.extend(active().map(|key| Action::Retire(key.name)));
            }
        }
    }
}
