//! Each safeguard is needed: without it, the checker finds a way to break a law.

mod lease;
mod ring;

use std::num::NonZeroUsize;

use chancery_model::{Changes, Faults, LeaseModel, Protocol, Report, Size, check, find_counterexample};

/// Two signers and one key: both can only have this one.
const ONE_KEY: Size = Size { runs: 1, signers: 2, keys: 1, batches: 2, sealed: true };

/// Two runs with a signer each, and one key.
const TWO_RUNS: Size = Size { runs: 2, signers: 1, batches: 1, ..ONE_KEY };

const NO_CHANGE: Changes = Changes { deletions: 0, joins: 0, retirements: 0 };
const DELETION: Changes = Changes { deletions: 1, ..NO_CHANGE };
const KEYS: Changes = Changes { joins: 1, retirements: 1, ..NO_CHANGE };

const NO_FAULT: Faults = Faults {
    crashes: 0,
    lost_sessions: 0,
    restarts: 0,
    slow_clocks: 0,
    late_requests: 0,
    set_backs: 0,
    set_forwards: 0,
    restores: 0,
};

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
const FAULTS: [Faults; 9] = [
    NO_FAULT,
    Faults { crashes: 1, ..NO_FAULT },
    Faults { lost_sessions: 1, ..NO_FAULT },
    Faults { restarts: 1, ..NO_FAULT },
    Faults { slow_clocks: 1, ..NO_FAULT },
    Faults { late_requests: 1, ..NO_FAULT },
    Faults { set_backs: 1, ..NO_FAULT },
    Faults { set_forwards: 1, ..NO_FAULT },
    Faults { restores: 1, ..NO_FAULT },
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
            // It goes back to a ledger without the changes, which is seen as well without them; and it makes many
            // states.
            if faults.restores > 0 && changes != NO_CHANGE {
                continue;
            }
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
