//! Visits every state of the lease protocol, within bounds that are printed, and tells how many there were.

mod budgets;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use chancery_model::{LeaseModel, check};

fn main() -> io::Result<ExitCode> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut out = io::stdout();
    let (mut states, mut violated) = (0, false);
    for budget in budgets::all() {
        let report = check(LeaseModel::new(budget.size, budget.faults, budget.changes), threads);
        writeln!(out, "{budget}: {report}")?;
        states += report.states;
        violated |= !report.violations.is_empty();
    }
    let verdict = if violated { "a property is VIOLATED" } else { "every property holds" };
    writeln!(out, "{states} states in all; {verdict}")?;
    Ok(if violated { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
