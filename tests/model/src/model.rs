//! What can happen next, and what must hold.

use stateright::{Model, Property};

use crate::action::Action;
use crate::ledger::BatchState;
use crate::moments::{Moments, OVER};
use crate::protocol::Protocol;
use crate::state::{Faults, Phase, Signer, State};
use crate::{drain, steps};

/// How much of everything there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Signers, 1..=3.
    pub signers: u8,
    /// Keys, 1..=3.
    pub keys: u8,
    /// Batches, 1..=3.
    pub batches: u8,
}

/// The protocol with so many signers, keys and batches, and so many faults.
#[derive(Clone, Debug)]
pub struct LeaseModel {
    pub(crate) size: Size,
    pub(crate) faults: Faults,
    pub(crate) protocol: Protocol,
    pub(crate) moments: Moments,
    /// Whether states that differ in names only count as one.
    symmetry: bool,
}

impl LeaseModel {
    /// The present protocol; states that differ in names only count as one.
    #[must_use]
    pub fn new(size: Size, faults: Faults) -> Self {
        let protocol = Protocol::present();
        Self { size, faults, protocol, moments: Moments::of(&protocol), symmetry: true }
    }

    /// Another protocol. Signers keep their names, so that a counterexample can be read.
    #[must_use]
    pub fn with(size: Size, faults: Faults, protocol: Protocol) -> Self {
        Self { size, faults, protocol, moments: Moments::of(&protocol), symmetry: false }
    }
}

/// The properties, by name.
pub mod property {
    /// Law 4, at each instant of signing.
    pub const KEY_IN_ONE_HAND: &str = "a key is in one signer's hands";
    /// Law 4 in the ledger.
    pub const KEY_LEASED_ONCE: &str = "a key has one open lease";
    /// Law 1.
    pub const ONE_SIGNATURE: &str = "a record has one signature, once its batch is signed";
    /// Law 5.
    pub const LEAST_RECENTLY_USED: &str = "the key leased is the least recently used of the free ones";
    /// A late signer stores nothing.
    pub const NOTHING_STORED_LATE: &str = "nothing is stored under a lost lease";
    /// Law 6.
    pub const CAN_COMPLETE: &str = "the run completes once faults stop";
    /// The model is not so small that nothing happens.
    pub const COMPLETES: &str = "a run completes after all faults of the budget";
    /// A lease runs out whose holder was ended by the fence, or crashed.
    pub const OUTLIVED: &str = "a lease outlives its signer, and runs out";
}

impl Model for LeaseModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.size.signers, self.size.keys, self.size.batches, self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Tick, Action::Flush]);
        for (signer, now) in (0_u8..).zip(state.signers.iter()) {
            self.actions_of(signer, *now, state.faults.late_requests > 0, actions);
        }
        let (faults, rows) = (state.faults, (0_u8..).zip(state.ledger.leases.iter()));
        actions.extend(
            rows.filter(|(_, lease)| {
                !lease.signed && (lease.holder_dead || !self.protocol.only_dead_released)
            })
            .map(|(row, _)| Action::ReleaseDead(row)),
        );
        let busy = |signer: &&(u8, &Signer)| signer.1.phase != Phase::Idle;
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
            if signers().any(|(_, now)| now.phase == Phase::Idle) {
                actions.push(Action::AcquireUnanswered);
            }
            for (signer, now) in signers() {
                match now.phase {
                    Phase::Fetched | Phase::Signing => actions.push(Action::RenewUnanswered(signer)),
                    Phase::Signed => actions.push(Action::StoreUnanswered(signer)),
                    Phase::GivingBack => {
                        actions.extend([Action::GiveBackUnanswered(signer), Action::LeaveOpen(signer)]);
                    }
                    _ => {}
                }
            }
        }
        if faults.restarts > 0 {
            actions.extend([true, false].map(|answers_read| Action::Restart { answers_read }));
        }
        if faults.slow_ticks > 0 {
            actions.push(Action::TickWithoutDatabase);
            actions.extend(
                signers()
                    .filter(|(_, now)| now.is_counting() && !now.lagged)
                    .map(|(signer, _)| Action::TickWithout(signer)),
            );
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let next = steps::take(self, last, action)?;
        Some(if self.symmetry { next.canonical() } else { next })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(property::KEY_IN_ONE_HAND, |_, state: &State| {
                let mut hands = state.signers.iter().filter(|signer| signer.has_key_in_hand());
                let mut seen = 0_u8;
                hands.all(|signer| {
                    let first = seen & (1 << signer.key) == 0;
                    seen |= 1 << signer.key;
                    first
                })
            }),
            Property::always(property::KEY_LEASED_ONCE, |_, state: &State| {
                let leases = &state.ledger.leases;
                (1..leases.len()).all(|row| leases[..row].iter().all(|other| other.key != leases[row].key))
            }),
            Property::always(property::ONE_SIGNATURE, |_, state: &State| {
                state
                    .ledger
                    .batches
                    .iter()
                    .all(|batch| batch.signatures == u8::from(batch.state == BatchState::Signed))
                    && state.is_coherent()
            }),
            Property::always(property::LEAST_RECENTLY_USED, |_, state: &State| {
                !state.misdeeds.leased_not_the_least_recently_used
            }),
            Property::always(property::NOTHING_STORED_LATE, |_, state: &State| {
                !state.misdeeds.stored_under_a_lost_lease
            }),
            Property::always(property::CAN_COMPLETE, drain::completes),
            Property::sometimes(property::COMPLETES, |_, state: &State| {
                state.faults == Faults::default() && state.ledger.is_complete()
            }),
            Property::sometimes(property::OUTLIVED, |_, state: &State| {
                state.ledger.leases.iter().any(|lease| lease.age == OVER && lease.holder_dead)
            }),
        ]
    }
}

impl LeaseModel {
    /// What a signer can do next, or what the database can do for it. `late`: also long after it asked.
    fn actions_of(&self, signer: u8, now: Signer, late: bool, actions: &mut Vec<Action>) {
        match now.phase {
            Phase::Idle if self.protocol.turn => {
                // Later than this, the lease is of no use to the signer whenever it comes.
                let latest = if late { self.moments.useless() } else { 0 };
                actions.extend((0..=latest).map(|late| Action::Acquire { signer, late }));
            }
            Phase::Idle => actions.push(Action::Choose(signer)),
            Phase::Chosen => actions.push(Action::LeaseChosen(signer)),
            Phase::Leased => actions.push(Action::Fetch(signer)),
            Phase::Fetched | Phase::Signing => {
                if now.phase == Phase::Signing {
                    actions.extend([Action::FinishSigning(signer), Action::NextPart(signer)]);
                } else if self.moments.may_sign(now.elapsed) {
                    actions.push(Action::BeginSigning(signer));
                }
                actions.push(Action::Stop(signer));
                if self.moments.renewal_due(now.elapsed) {
                    let latest = if late { now.elapsed } else { 0 };
                    actions.extend((0..=latest).map(|late| Action::Renew { signer, late }));
                }
            }
            Phase::Signed => actions.push(Action::Store(signer)),
            Phase::GivingBack => actions.push(Action::GiveBack(signer)),
            Phase::Careless => actions.push(Action::ThreadEnds(signer)),
        }
    }
}
