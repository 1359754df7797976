//! What must hold.

use stateright::Property;

use crate::drain;
use crate::ledger::{Batch, BatchState};
use crate::model::LeaseModel;
use crate::run::Stage;
use crate::state::{Assumptions, Changes, Faults, Phase, Signer, State};

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
    /// The ring's log: use sequences follow each other.
    pub const LOG_WHOLE: &str = "the ring's log has no hole and no number twice";
    /// What a ring may forget.
    pub const FORGOTTEN: &str =
        "the ring forgets only what is older than every last use and of no run in the ledger";
    /// Deletion.
    pub const NOTHING_FOR_DELETED: &str = "nothing is leased or stored for a deleted run";
    /// Completion.
    pub const COMPLETE_IS_SEALED: &str = "a run that is complete is sealed and all of it is signed";
    /// Law 6.
    pub const CAN_COMPLETE: &str = "every run completes or is removed once faults stop";
    /// The model is not so small that nothing happens.
    pub const COMPLETES: &str = "a run completes after all faults and changes of the budget";
    /// A lease runs out whose holder was ended by the fence, or crashed.
    pub const OUTLIVED: &str = "a lease outlives its signer, and runs out";
    /// What is excepted from law 4 does happen.
    pub const BROKEN: &str = "where law 4 is not promised, a key is in two signers' hands";
    /// A deletion strikes a run with an open lease.
    pub const OPEN_AFTER_DELETION: &str =
        "a lease is still open and its holder signs after its run was removed";
}

/// The properties of a model: what is possible depends on the changes that it allows.
pub(crate) fn of(model: &LeaseModel) -> Vec<Property<LeaseModel>> {
    let mut all = vec![
        Property::always(property::KEY_IN_ONE_HAND, |_, state: &State| {
            !is_shared(state, |signer| signer.assumptions != Assumptions::Broken)
        }),
        Property::always(property::KEY_LEASED_ONCE, |_, state: &State| {
            let leases = &state.ledger.leases;
            (1..leases.len()).all(|row| leases[..row].iter().all(|other| other.key != leases[row].key))
        }),
        Property::always(property::ONE_SIGNATURE, |_, state: &State| {
            let one = |batch: &Batch| batch.signatures == u8::from(batch.state == BatchState::Signed);
            state.ledger.batches.iter().all(one) && state.ledger.is_coherent()
        }),
        Property::always(property::LEAST_RECENTLY_USED, |_, state: &State| {
            !state.misdeeds.leased_not_the_least_recently_used
        }),
        Property::always(property::NOTHING_STORED_LATE, |_, state: &State| {
            !state.misdeeds.stored_under_a_lost_lease
        }),
        Property::always(property::LOG_WHOLE, |_, state: &State| state.ledger.ring.is_whole()),
        Property::always(property::FORGOTTEN, |_, state: &State| !state.misdeeds.forgot_what_is_needed),
        Property::always(property::NOTHING_FOR_DELETED, |_, state: &State| {
            !state.misdeeds.leased_or_stored_for_a_deleted_run
        }),
        Property::always(property::COMPLETE_IS_SEALED, |_, state: &State| {
            !state.misdeeds.completed_too_early
                && (0_u8..).zip(state.ledger.runs.iter()).all(|(number, run)| {
                    !run.completed || run.stage >= Stage::Dropped || state.ledger.is_all_signed(number)
                })
        }),
        Property::always(property::CAN_COMPLETE, drain::completes),
        Property::sometimes(property::COMPLETES, |_, state: &State| {
            let runs = &state.ledger.runs;
            state.faults == Faults::default()
                && state.changes == Changes::default()
                && runs.iter().any(|run| run.completed)
                && runs.iter().all(|run| run.completed || run.is_deleted())
        }),
        Property::sometimes(property::OUTLIVED, |_, state: &State| {
            state.ledger.leases.iter().any(|lease| lease.expiry.is_over() && lease.holder_dead)
        }),
    ];
    if model.faults.set_forwards > 0 || model.faults.restores > 0 {
        all.push(Property::sometimes(property::BROKEN, |_, state: &State| is_shared(state, |_| true)));
    }
    if model.changes.deletions > 0 {
        all.push(Property::sometimes(property::OPEN_AFTER_DELETION, |_, state: &State| {
            state.signers.iter().any(|signer| {
                signer.phase == Phase::Signing
                    && state.ledger.run(signer.run).stage == Stage::Removed
                    && state.ledger.is_leased(signer.key)
            })
        }));
    }
    all
}

/// Whether two of the signers that count have one key in hand.
fn is_shared(state: &State, counts: impl Fn(&Signer) -> bool) -> bool {
    let mut seen = 0_u8;
    let mut hands = state.signers.iter().filter(|signer| signer.has_key_in_hand() && counts(signer));
    hands.any(|signer| {
        let is_second = seen & (1 << signer.key) != 0;
        seen |= 1 << signer.key;
        is_second
    })
}
