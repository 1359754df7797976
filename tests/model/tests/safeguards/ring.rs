//! What keeps the ring and its runs whole while runs are deleted and keys come and go.

use std::num::NonZeroUsize;

use chancery_model::property::{
    COMPLETE_IS_SEALED, FORGOTTEN, KEY_IN_ONE_HAND, LEAST_RECENTLY_USED, LOG_WHOLE, NOTHING_FOR_DELETED,
};
use chancery_model::{Changes, LeaseModel, Protocol, Size, check, find_counterexample_of};

use crate::{
    DELETION, KEYS, NO_CHANGE, NO_FAULT, ONE_KEY, TWO_RUNS, assert_violates, without, without_under,
};

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
