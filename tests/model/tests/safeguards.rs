//! Each safeguard is needed: without it, the checker finds a way to break a law.

use std::num::NonZeroUsize;

use chancery_model::property::{
    COMPLETE_IS_SEALED, FORGOTTEN, KEY_IN_ONE_HAND, LEAST_RECENTLY_USED, LOG_WHOLE, NOTHING_FOR_DELETED,
    NOTHING_STORED_LATE, ONE_SIGNATURE,
};
use chancery_model::{
    Changes, Faults, LeaseModel, Protocol, Report, Size, check, find_counterexample, find_counterexample_of,
};

/// Two signers and one key: both can only have this one.
const ONE_KEY: Size = Size { runs: 1, signers: 2, keys: 1, batches: 2, sealed: true };

/// Two runs with a signer each, and one key.
const TWO_RUNS: Size = Size { runs: 2, signers: 1, batches: 1, ..ONE_KEY };

const NO_CHANGE: Changes = Changes { deletions: 0, joins: 0, retirements: 0 };
const DELETION: Changes = Changes { deletions: 1, ..NO_CHANGE };
const KEYS: Changes = Changes { joins: 1, retirements: 1, ..NO_CHANGE };

const NO_FAULT: Faults =
    Faults { crashes: 0, lost_sessions: 0, restarts: 0, slow_ticks: 0, late_requests: 0 };

fn without(size: Size, faults: Faults, take_out: impl Fn(&mut Protocol)) -> Report {
    without_under(size, faults, NO_CHANGE, take_out)
}

fn without_under(size: Size, faults: Faults, changes: Changes, take_out: impl Fn(&mut Protocol)) -> Report {
    let mut protocol = Protocol::present();
    take_out(&mut protocol);
    find_counterexample(LeaseModel::with(size, faults, changes, protocol))
}

#[track_caller]
fn assert_violates(report: &Report, property: &str) {
    assert!(report.counterexample(property).is_some(), "nothing violates: {property}\n{report}");
}

/// One fault of each kind, each by itself.
const FAULTS: [Faults; 6] = [
    NO_FAULT,
    Faults { crashes: 1, ..NO_FAULT },
    Faults { lost_sessions: 1, ..NO_FAULT },
    Faults { restarts: 1, ..NO_FAULT },
    Faults { slow_ticks: 1, ..NO_FAULT },
    Faults { late_requests: 1, ..NO_FAULT },
];

#[test]
fn with_all_safeguards_every_property_holds() {
    for faults in FAULTS {
        for (size, changes) in [
            (ONE_KEY, NO_CHANGE),
            (Size { keys: 2, ..ONE_KEY }, NO_CHANGE),
            (Size { sealed: false, ..ONE_KEY }, NO_CHANGE),
            (ONE_KEY, KEYS),
            (TWO_RUNS, DELETION),
        ] {
            let report = check(LeaseModel::new(size, faults, changes), NonZeroUsize::MIN);
            assert!(report.violations.is_empty(), "{size:?}, {faults:?}, {changes:?}: {report}");
        }
    }
}

/// Counting states that differ in names as one hides nothing.
#[test]
fn with_all_safeguards_every_property_holds_among_signers_with_names_of_their_own() {
    let one_run = FAULTS.map(|faults| (ONE_KEY, faults, NO_CHANGE));
    for (size, faults, changes) in one_run.into_iter().chain([(TWO_RUNS, NO_FAULT, DELETION)]) {
        let report = check(LeaseModel::with(size, faults, changes, Protocol::present()), NonZeroUsize::MIN);
        let broken = report.violations.iter().filter(|(_, steps)| !steps.is_empty()).count();
        assert_eq!(broken, 0, "{size:?}, {faults:?}, {changes:?}: {report}");
    }
}

#[test]
fn removing_the_fence_lets_two_signers_share_a_key() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.fence = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn removing_the_margin_of_the_term_lets_two_signers_share_a_key() {
    let slow = Faults { slow_ticks: 1, ..NO_FAULT };
    let report = without(ONE_KEY, slow, |protocol| protocol.margin = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn counting_the_term_from_the_answer_lets_two_signers_share_a_key() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.counted_from_before = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn removing_the_durable_fetch_lets_two_signers_share_a_key() {
    let crash = Faults { restarts: 1, ..NO_FAULT };
    let report = without(ONE_KEY, crash, |protocol| protocol.durable_fetch = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn giving_back_before_the_thread_has_stopped_lets_two_signers_share_a_key() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.thread_awaited = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn giving_back_a_lease_that_was_not_fetched_under_lets_two_signers_share_a_key() {
    let crash = Faults { restarts: 1, ..NO_FAULT };
    let size = Size { signers: 3, ..ONE_KEY };
    let report = without(size, crash, |protocol| protocol.only_fetched_given_back = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn declaring_a_living_holder_dead_lets_two_signers_share_a_key() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.only_dead_released = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn removing_the_lease_guard_on_store_lets_a_lost_lease_store() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.lease_guard = false);
    assert_violates(&report, NOTHING_STORED_LATE);
}

#[test]
fn removing_the_lease_guard_and_the_key_of_signatures_signs_a_record_twice() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| {
        (protocol.lease_guard, protocol.signature_key) = (false, false);
    });
    assert_violates(&report, ONE_SIGNATURE);
}

#[test]
fn removing_the_turn_leases_a_key_that_is_not_the_least_recently_used() {
    let size = Size { keys: 2, batches: 3, ..ONE_KEY };
    let report = without(size, NO_FAULT, |protocol| protocol.turn = false);
    assert_violates(&report, LEAST_RECENTLY_USED);
}

/// The second line of defence: while choices take turns, nothing ever gets as far as this index.
#[test]
fn without_the_turn_removing_the_unique_index_lets_two_signers_share_a_key() {
    let report =
        without(ONE_KEY, NO_FAULT, |protocol| (protocol.turn, protocol.unique_index) = (false, false));
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn a_deletion_that_removes_open_leases_lets_two_signers_share_a_key() {
    let report = without_under(TWO_RUNS, NO_FAULT, DELETION, |protocol| {
        protocol.deletion_leaves_leases = false;
    });
    assert_violates(&report, KEY_IN_ONE_HAND);
}

/// The ring has forgotten what is needed some steps before two signers share the key.
#[test]
fn forgetting_open_leases_lets_two_signers_share_a_key() {
    let mut protocol = Protocol::present();
    (protocol.last_uses_remembered, protocol.open_leases_remembered) = (false, false);
    let model = LeaseModel::with(TWO_RUNS, NO_FAULT, DELETION, protocol);
    assert_violates(&find_counterexample_of(model, KEY_IN_ONE_HAND), KEY_IN_ONE_HAND);
}

/// An open lease is the last use of its key, so remembering each key's last use remembers it, too.
#[test]
fn remembering_last_uses_is_enough_to_remember_open_leases() {
    let mut protocol = Protocol::present();
    protocol.open_leases_remembered = false;
    let model = LeaseModel::with(TWO_RUNS, NO_FAULT, DELETION, protocol);
    let report = check(model, NonZeroUsize::MIN);
    let broken = report.violations.iter().filter(|(_, steps)| !steps.is_empty()).count();
    assert_eq!(broken, 0, "{report}");
}

/// The use sequence comes from what is left of the log, here nothing.
#[test]
fn forgetting_last_uses_gives_a_use_sequence_twice() {
    let mut protocol = Protocol::present();
    protocol.last_uses_remembered = false;
    let model = LeaseModel::with(TWO_RUNS, NO_FAULT, DELETION, protocol);
    assert_violates(&find_counterexample_of(model, LOG_WHOLE), LOG_WHOLE);
}

#[test]
fn forgetting_leases_of_runs_in_the_ledger_forgets_what_is_needed() {
    let size = Size { batches: 2, ..TWO_RUNS };
    let report = without_under(size, NO_FAULT, DELETION, |protocol| protocol.runs_remembered = false);
    assert_violates(&report, FORGOTTEN);
}

#[test]
fn forgetting_other_leases_than_the_oldest_makes_a_hole_in_the_log() {
    let size = Size { batches: 2, ..TWO_RUNS };
    let report = without_under(size, NO_FAULT, DELETION, |protocol| {
        protocol.forgets_from_the_start = false;
    });
    assert_violates(&report, LOG_WHOLE);
}

#[test]
fn reading_the_run_before_the_turn_leases_for_a_deleted_run() {
    let report = without_under(TWO_RUNS, NO_FAULT, DELETION, |protocol| {
        protocol.run_read_in_turn = false;
    });
    assert_violates(&report, NOTHING_FOR_DELETED);
}

/// A run whose batches are dropped has none that waits.
#[test]
fn reading_the_run_before_the_turn_completes_a_run_whose_batches_are_dropped() {
    let mut protocol = Protocol::present();
    protocol.run_read_in_turn = false;
    let model = LeaseModel::with(TWO_RUNS, NO_FAULT, DELETION, protocol);
    let report = find_counterexample_of(model, COMPLETE_IS_SEALED);
    assert_violates(&report, COMPLETE_IS_SEALED);
}

#[test]
fn without_its_refusal_a_store_goes_in_for_a_deleted_run() {
    let report = without_under(TWO_RUNS, NO_FAULT, DELETION, |protocol| {
        protocol.deleted_not_stored = false;
    });
    assert_violates(&report, NOTHING_FOR_DELETED);
}

#[test]
fn completing_without_sealing_completes_a_run_too_early() {
    let size = Size { sealed: false, ..ONE_KEY };
    let report = without(size, NO_FAULT, |protocol| protocol.sealed_before_complete = false);
    assert_violates(&report, COMPLETE_IS_SEALED);
}

#[test]
fn a_joining_key_that_counts_as_never_used_is_leased_before_keys_that_wait_longer() {
    let size = Size { signers: 1, keys: 2, batches: 3, ..ONE_KEY };
    let report = without_under(size, NO_FAULT, KEYS, |protocol| protocol.joins_as_just_used = false);
    assert_violates(&report, LEAST_RECENTLY_USED);
}

#[test]
fn asking_the_lease_at_its_last_use_whether_a_key_is_free_passes_over_a_key_that_has_just_joined() {
    let size = Size { keys: 2, ..ONE_KEY };
    let joining = Changes { joins: 1, ..NO_CHANGE };
    let report = without_under(size, NO_FAULT, joining, |protocol| protocol.free_asked_of_key = false);
    assert_violates(&report, LEAST_RECENTLY_USED);
}

#[test]
fn choosing_a_retired_key_breaks_the_order_of_use() {
    let size = Size { keys: 2, ..ONE_KEY };
    let report = without_under(size, NO_FAULT, KEYS, |protocol| protocol.retired_not_chosen = false);
    assert_violates(&report, LEAST_RECENTLY_USED);
}
