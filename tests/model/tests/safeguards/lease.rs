//! What keeps a lease, and what is stored under it, with one signer.

use chancery_model::property::{
    CAN_COMPLETE, KEY_IN_ONE_HAND, LEAST_RECENTLY_USED, NOTHING_STORED_LATE, ONE_SIGNATURE,
};
use chancery_model::{Faults, LeaseModel, Protocol, Size, find_counterexample_of};

use crate::{NO_CHANGE, NO_FAULT, ONE_KEY, assert_violates, without};

#[test]
fn removing_the_fence_lets_two_signers_share_a_key() {
    let report = without(ONE_KEY, NO_FAULT, |protocol| protocol.fence = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn removing_the_margin_of_the_term_lets_two_signers_share_a_key() {
    let slow = Faults { slow_clocks: 1, ..NO_FAULT };
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

/// A crash undoes a lease, and its id is given to a second one, which the first signer gives back or renews.
#[test]
fn naming_a_lease_by_its_id_alone_lets_two_signers_share_a_key() {
    let crash = Faults { restarts: 1, ..NO_FAULT };
    let report = without(ONE_KEY, crash, |protocol| protocol.token_checked = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

/// The ledger is made anew, and gives the id of a signer's lease to another.
#[test]
fn naming_a_lease_by_its_id_alone_stores_under_the_lease_of_another_in_a_ledger_that_was_made_anew() {
    let restore = Faults { restores: 1, ..NO_FAULT };
    let mut protocol = Protocol::present();
    protocol.token_checked = false;
    let report =
        find_counterexample_of(LeaseModel::with(ONE_KEY, restore, NO_CHANGE, protocol), NOTHING_STORED_LATE);
    assert_violates(&report, NOTHING_STORED_LATE);
}

#[test]
fn a_renewal_that_does_not_wait_for_the_disk_lets_two_signers_share_a_key() {
    let crash = Faults { restarts: 1, ..NO_FAULT };
    let report = without(ONE_KEY, crash, |protocol| protocol.durable_renewal = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn taking_a_lease_without_a_doubt_lets_two_signers_share_a_key_when_the_clock_is_set_forward() {
    let forward = Faults { set_forwards: 1, ..NO_FAULT };
    let report = without(ONE_KEY, forward, |protocol| protocol.doubted_first = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn a_renewal_that_leaves_the_doubt_lets_two_signers_share_a_key_when_the_clock_is_set_forward() {
    let forward = Faults { set_forwards: 1, ..NO_FAULT };
    let report = without(ONE_KEY, forward, |protocol| protocol.renewal_clears_doubt = false);
    assert_violates(&report, KEY_IN_ONE_HAND);
}

#[test]
fn leaving_the_end_of_a_lease_where_it_was_when_the_clock_is_set_back_leaves_the_run_stuck() {
    let back = Faults { set_backs: 1, ..NO_FAULT };
    let report = without(ONE_KEY, back, |protocol| protocol.rebased = false);
    assert_violates(&report, CAN_COMPLETE);
}

/// The clock is set forward, a lease is doubted, and the clock is set back to before that.
#[test]
fn leaving_a_doubt_in_the_future_leaves_the_run_stuck() {
    let faults = Faults { set_forwards: 1, set_backs: 1, ..NO_FAULT };
    let report = without(ONE_KEY, faults, |protocol| protocol.doubted_anew = false);
    assert_violates(&report, CAN_COMPLETE);
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
