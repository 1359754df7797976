//! What a run says of its input, and of its end: it is complete, and as much as was admitted; its ring was filled. No IO.

use chancery_store::Run;
use chancery_store::audit::AdmissionRow;

use crate::report::{Findings, Law};

/// How many records a run has: those that it is sealed with, or those that are admitted so far.
pub(crate) fn records_of(run: &Run, admissions: &[AdmissionRow]) -> i64 {
    run.sealed_records.unwrap_or_else(|| admissions.iter().map(|row| row.records).max().unwrap_or(0))
}

/// Checks what the run's own rows say against each other.
pub(crate) fn check(run: &Run, admissions: &[AdmissionRow], shown: usize) -> Findings {
    let mut findings = Findings::new(shown);
    let mut say = |law, text: String| findings.violated(law, 0, || text);
    let name = &run.name;
    if !run.sealed {
        say(Law::EveryRecordOnce, format!("the input of {name} is not complete: the run is not sealed"));
    }
    if run.complete && !run.sealed {
        say(Law::EveryRecordOnce, format!("{name} is complete, yet it is not sealed"));
    }
    if run.complete && !run.keyring.filled {
        say(Law::LeastRecentlyUsed, format!("{name} is complete, yet its ring is not filled"));
    }
    if run.sealed != run.sealed_records.is_some() {
        say(
            Law::EveryRecordOnce,
            format!("{name} says that it is sealed, or with how many records, but not both"),
        );
    }
    let generated = run.input.generated().map(|source| source.record_count);
    if let (Some(records), Some(offered)) = (run.sealed_records, generated)
        && records != offered
    {
        say(
            Law::EveryRecordOnce,
            format!("{name} is sealed with {records} records, its source has {offered}"),
        );
    }
    match admissions {
        [said] => {
            let AdmissionRow { records, batches: _, batched, waiting } = said;
            if let Some(sealed) = run.sealed_records.filter(|sealed| sealed != records) {
                let text =
                    format!("{name} is sealed with {sealed} records, it says that {records} are admitted");
                say(Law::EveryRecordOnce, text);
            }
            if let Some(offered) = generated
                && run.sealed_records.is_none()
                && *records > offered
            {
                let text =
                    format!("{name} says that {records} records are admitted, its source has {offered}");
                say(Law::EveryRecordOnce, text);
            }
            if *waiting != (batched < records) {
                say(
                    Law::OneKeyABatch,
                    format!("{name} says that records wait for a batch, or since when, but not both"),
                );
            }
        }
        rows => say(
            Law::EveryRecordOnce,
            format!("{name} says {} times how many records are admitted, expected is once", rows.len()),
        ),
    }
    findings
}

#[cfg(test)]
mod tests;
