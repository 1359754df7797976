//! How far the check goes: how much of everything there is, and how much may happen.

use std::fmt;

use chancery_model::{Changes, Faults, Size};

/// One run, all of whose batches are there.
const LARGE: Size = Size { runs: 1, signers: 3, keys: 3, batches: 3, sealed: true };
const SMALL: Size = Size { runs: 1, signers: 2, keys: 2, batches: 2, sealed: true };
/// One run, whose batches appear while it is being signed.
const GROWING: Size = Size { sealed: false, ..SMALL };
/// Two runs on one ring.
const TWO_RUNS: Size = Size { runs: 2, signers: 1, keys: 2, batches: 2, sealed: true };
const TWO_RUNS_ONE_KEY: Size = Size { keys: 1, batches: 1, ..TWO_RUNS };
const TWO_RUNS_GROWING: Size = Size { batches: 1, sealed: false, ..TWO_RUNS };

const NO_CHANGE: Changes = Changes { deletions: 0, joins: 0, retirements: 0 };
const DELETION: Changes = Changes { deletions: 1, ..NO_CHANGE };
const TWO_DELETIONS: Changes = Changes { deletions: 2, ..NO_CHANGE };
const KEYS: Changes = Changes { joins: 1, retirements: 1, ..NO_CHANGE };
const ALL_CHANGES: Changes = Changes { deletions: 1, ..KEYS };

/// A kind of fault: its name for one and for several, and where its budget is.
type Kind = ([&'static str; 2], fn(&mut Faults) -> &mut u8);

const KINDS: [Kind; 5] = [
    (["crash", "crashes"], |faults| &mut faults.crashes),
    (["lost session", "lost sessions"], |faults| &mut faults.lost_sessions),
    (["restart", "restarts"], |faults| &mut faults.restarts),
    (["slow tick", "slow ticks"], |faults| &mut faults.slow_ticks),
    (["late request", "late requests"], |faults| &mut faults.late_requests),
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

/// One run: no fault; each kind twice; each two kinds, each twice; and, among fewer signers, all kinds, each
/// once. Then what smaller bounds are for: runs that grow, two runs with deletions, keys that join and leave.
pub(crate) fn all() -> Vec<Budget> {
    let mut budgets = vec![without_faults(LARGE, NO_CHANGE)];
    budgets.extend(KINDS.map(|kind| some_faults(LARGE, NO_CHANGE, &[kind], 2)));
    for (index, one) in KINDS.into_iter().enumerate() {
        for other in &KINDS[index + 1..] {
            budgets.push(some_faults(LARGE, NO_CHANGE, &[one, *other], 2));
        }
    }
    budgets.push(all_once(SMALL, NO_CHANGE));
    budgets.push(all_once(GROWING, NO_CHANGE));
    for (size, changes) in [(TWO_RUNS, DELETION), (TWO_RUNS_GROWING, DELETION), (SMALL, KEYS)] {
        budgets.push(without_faults(size, changes));
        budgets.extend(KINDS.map(|kind| some_faults(size, changes, &[kind], 1)));
    }
    budgets.push(all_once(TWO_RUNS_ONE_KEY, TWO_DELETIONS));
    budgets.push(without_faults(TWO_RUNS_ONE_KEY, ALL_CHANGES));
    budgets
}

fn without_faults(size: Size, changes: Changes) -> Budget {
    let faults_name = "no fault but pauses".to_owned();
    Budget { size, changes, faults: Faults::default(), faults_name }
}

fn some_faults(size: Size, changes: Changes, kinds: &[Kind], times: u8) -> Budget {
    let mut faults = Faults::default();
    let mut names = Vec::new();
    for (name, kind) in kinds {
        *kind(&mut faults) = times;
        names.push(format!("{times} {}", name[usize::from(times > 1)]));
    }
    Budget { size, changes, faults, faults_name: names.join(" and ") }
}

fn all_once(size: Size, changes: Changes) -> Budget {
    let mut faults = Faults::default();
    for (_, kind) in KINDS {
        *kind(&mut faults) = 1;
    }
    Budget { size, changes, faults, faults_name: "1 of each fault".to_owned() }
}
