//! Visits every state of the lease protocol, within bounds that are printed, and tells how many there were.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use chancery_model::{Faults, LeaseModel, Size, check};

const LARGE: Size = Size { signers: 3, keys: 3, batches: 3 };
const SMALL: Size = Size { signers: 2, keys: 2, batches: 2 };

/// A kind of fault: its name, and where its budget is.
type Kind = (&'static str, fn(&mut Faults) -> &mut u8);

const KINDS: [Kind; 5] = [
    ("crashes", |faults| &mut faults.crashes),
    ("lost sessions", |faults| &mut faults.lost_sessions),
    ("restarts", |faults| &mut faults.restarts),
    ("slow ticks", |faults| &mut faults.slow_ticks),
    ("late requests", |faults| &mut faults.late_requests),
];

fn main() -> io::Result<ExitCode> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut out = io::stdout();
    let (mut states, mut violated) = (0, false);
    for (name, size, faults) in budgets() {
        let report = check(LeaseModel::new(size, faults), threads);
        let Size { signers, keys, batches } = size;
        writeln!(out, "{signers} signers, {keys} keys, {batches} batches, {name}: {report}")?;
        states += report.states;
        violated |= !report.violations.is_empty();
    }
    let verdict = if violated { "a property is VIOLATED" } else { "every property holds" };
    writeln!(out, "{states} states in all; {verdict}")?;
    Ok(if violated { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// No fault; each kind twice; each two kinds, each twice; and, among fewer signers, all kinds, each once.
fn budgets() -> Vec<(String, Size, Faults)> {
    let mut budgets = vec![("no fault but pauses".to_owned(), LARGE, Faults::default())];
    for (name, kind) in KINDS {
        let mut faults = Faults::default();
        *kind(&mut faults) = 2;
        budgets.push((format!("2 {name}"), LARGE, faults));
    }
    for (index, (one_name, one)) in KINDS.into_iter().enumerate() {
        for (other_name, other) in &KINDS[index + 1..] {
            let mut faults = Faults::default();
            (*one(&mut faults), *other(&mut faults)) = (2, 2);
            budgets.push((format!("2 {one_name} and 2 {other_name}"), LARGE, faults));
        }
    }
    let mut all = Faults::default();
    for (_, kind) in KINDS {
        *kind(&mut all) = 1;
    }
    budgets.push(("1 of each fault".to_owned(), SMALL, all));
    budgets
}
