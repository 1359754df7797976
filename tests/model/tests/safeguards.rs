//! Each safeguard is needed: without it, the checker finds a way to break a law.

use std::num::NonZeroUsize;

use chancery_model::property::{KEY_IN_ONE_HAND, LEAST_RECENTLY_USED, NOTHING_STORED_LATE, ONE_SIGNATURE};
use chancery_model::{Faults, LeaseModel, Protocol, Report, Size, check, find_counterexample};

/// Two signers and one key: who shares it has nowhere else to go.
const ONE_KEY: Size = Size { signers: 2, keys: 1, batches: 2 };

const NO_FAULT: Faults =
    Faults { crashes: 0, lost_sessions: 0, restarts: 0, slow_ticks: 0, late_requests: 0 };

fn without(size: Size, faults: Faults, take_out: impl Fn(&mut Protocol)) -> Report {
    let mut protocol = Protocol::present();
    take_out(&mut protocol);
    find_counterexample(LeaseModel::with(size, faults, protocol))
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
        for size in [ONE_KEY, Size { keys: 2, ..ONE_KEY }] {
            let report = check(LeaseModel::new(size, faults), NonZeroUsize::MIN);
            assert!(report.violations.is_empty(), "{size:?}, {faults:?}: {report}");
        }
    }
}

/// Counting states that differ in names as one hides nothing.
#[test]
fn with_all_safeguards_every_property_holds_among_signers_with_names_of_their_own() {
    for faults in FAULTS {
        let report = check(LeaseModel::with(ONE_KEY, faults, Protocol::present()), NonZeroUsize::MIN);
        let broken = report.violations.iter().filter(|(_, steps)| !steps.is_empty()).count();
        assert_eq!(broken, 0, "{faults:?}: {report}");
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
    let size = Size { signers: 2, keys: 2, batches: 3 };
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
