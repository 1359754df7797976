//! How far the check goes: how much of everything there is, and how much may happen.

use std::fmt;

use chancery_model::{Changes, Faults, Size};

/// One run, all of whose batches are there.
const LARGE: Size = Size { runs: 1, signers: 3, keys: 3, batches: 3, sealed: true };
const SMALL: Size = Size { runs: 1, signers: 2, keys: 2, batches: 2, sealed: true };
const ONE_KEY: Size = Size { keys: 1, ..SMALL };
/// One run, whose batches appear while it is being signed.
const GROWING: Size = Size { sealed: false, ..ONE_KEY };
/// Two runs on one ring.
const TWO_RUNS: Size = Size { runs: 2, signers: 1, keys: 2, batches: 2, sealed: true };
const TWO_RUNS_ONE_KEY: Size = Size { keys: 1, batches: 1, ..TWO_RUNS };
const TWO_RUNS_GROWING: Size = Size { batches: 1, sealed: false, ..TWO_RUNS };
const TWO_RUNS_GROWING_ONE_KEY: Size = Size { keys: 1, ..TWO_RUNS_GROWING };

const NO_CHANGE: Changes = Changes { deletions: 0, joins: 0, retirements: 0 };
const DELETION: Changes = Changes { deletions: 1, ..NO_CHANGE };
const TWO_DELETIONS: Changes = Changes { deletions: 2, ..NO_CHANGE };
const KEYS: Changes = Changes { joins: 1, retirements: 1, ..NO_CHANGE };
const ALL_CHANGES: Changes = Changes { deletions: 1, ..KEYS };

/// A kind of fault.
#[derive(Clone, Copy)]
struct Kind {
    /// For one, and for several.
    names: [&'static str; 2],
    budget: fn(&mut Faults) -> &mut u8,
}

const RESTART: Kind = Kind { names: ["restart", "restarts"], budget: |faults| &mut faults.restarts };
const RESTORE: Kind =
    Kind { names: ["restored ledger", "restored ledgers"], budget: |faults| &mut faults.restores };

/// All but the ledger that goes back.
const KINDS: [Kind; 7] = [
    Kind { names: ["crash", "crashes"], budget: |faults| &mut faults.crashes },
    Kind { names: ["lost session", "lost sessions"], budget: |faults| &mut faults.lost_sessions },
    RESTART,
    Kind { names: ["slow clock", "slow clocks"], budget: |faults| &mut faults.slow_clocks },
    Kind { names: ["late request", "late requests"], budget: |faults| &mut faults.late_requests },
    Kind { names: ["clock set back", "clocks set back"], budget: |faults| &mut faults.set_backs },
    Kind { names: ["clock set forward", "clocks set forward"], budget: |faults| &mut faults.set_forwards },
];

/// One check.
pub(crate) struct Budget {
    pub(crate) size: Size,
    pub(crate) changes: Changes,
    pub(crate) faults: Faults,
    faults_name: String,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { runs, signers, keys, batches, sealed } = self.size;
        let Changes { deletions, joins, retirements } = self.changes;
        if runs > 1 {
            write!(
                f,
                "{runs} runs, each with {}, {}; ",
                count(signers, "signer"),
                batches_of(batches, sealed)
            )?;
            write!(f, "{}, ", count(keys, "key"))?;
        } else {
            write!(f, "{}, {}, ", count(signers, "signer"), count(keys, "key"))?;
            write!(f, "{}, ", batches_of(batches, sealed))?;
        }
        for (number, what) in [(deletions, "deletion"), (joins, "joining key"), (retirements, "retired key")]
        {
            if number > 0 {
                write!(f, "{}, ", count(number, what))?;
            }
        }
        f.write_str(&self.faults_name)
    }
}

fn batches_of(number: u8, sealed: bool) -> String {
    let batches = if number == 1 { "1 batch".to_owned() } else { format!("{number} batches") };
    if sealed { batches } else { format!("up to {batches} that appear meanwhile") }
}

fn count(number: u8, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// One run: no fault; each kind, and each two kinds; and, about one key, all kinds at once. Then what smaller
/// bounds are for: runs that grow, two runs with deletions, keys that join and leave. A ledger that goes back
/// makes far more states than anything else, and stands for itself, or beside one other kind.
pub(crate) fn all() -> Vec<Budget> {
    let mut budgets = vec![without_faults(LARGE, NO_CHANGE)];
    budgets.extend(KINDS.map(|kind| some_faults(LARGE, NO_CHANGE, &[(kind, 2)])));
    for (index, one) in KINDS.into_iter().enumerate() {
        for other in &KINDS[index + 1..] {
            budgets.push(some_faults(SMALL, NO_CHANGE, &[(one, 2), (*other, 2)]));
            if ![one, *other].iter().any(|kind| kind.names == RESTART.names) {
                budgets.push(some_faults(LARGE, NO_CHANGE, &[(one, 1), (*other, 1)]));
            }
        }
    }
    budgets.push(some_faults(SMALL, NO_CHANGE, &[(RESTORE, 2)]));
    budgets.extend(KINDS.map(|kind| some_faults(SMALL, NO_CHANGE, &[(RESTORE, 1), (kind, 1)])));
    budgets.push(all_once(ONE_KEY, NO_CHANGE));
    for (size, changes) in [
        (GROWING, NO_CHANGE),
        (SMALL, KEYS),
        (TWO_RUNS_GROWING_ONE_KEY, DELETION),
        (TWO_RUNS_ONE_KEY, TWO_DELETIONS),
    ] {
        budgets.push(without_faults(size, changes));
        budgets.extend(KINDS.map(|kind| some_faults(size, changes, &[(kind, 1)])));
    }
    budgets.push(without_faults(TWO_RUNS_GROWING, DELETION));
    budgets.push(without_faults(TWO_RUNS, DELETION));
    budgets.push(without_faults(TWO_RUNS_ONE_KEY, ALL_CHANGES));
    budgets
}

fn without_faults(size: Size, changes: Changes) -> Budget {
    let faults_name = "no fault but pauses".to_owned();
    Budget { size, changes, faults: Faults::default(), faults_name }
}

fn some_faults(size: Size, changes: Changes, kinds: &[(Kind, u8)]) -> Budget {
    let mut faults = Faults::default();
    let mut names = Vec::new();
    for (kind, times) in kinds {
        *(kind.budget)(&mut faults) = *times;
        names.push(format!("{times} {}", kind.names[usize::from(*times > 1)]));
    }
    Budget { size, changes, faults, faults_name: names.join(" and ") }
}

fn all_once(size: Size, changes: Changes) -> Budget {
    let mut faults = Faults::default();
    for kind in KINDS {
        *(kind.budget)(&mut faults) = 1;
    }
    let faults_name = "1 of each fault but a restored ledger".to_owned();
    Budget { size, changes, faults, faults_name }
}
