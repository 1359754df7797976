//! Law 3 from the rows of batches: they follow each other without hole or overlap, each closed for a reason that
//! its size agrees with. No IO.
//!
//! After a violation the walk goes on with what the rows say from there: one altered row is not to accuse all
//! that come after it.

use std::time::Duration;

use chancery_store::Run;
use chancery_store::audit::{AdmissionRow, BatchRow};

use crate::report::{Findings, Law};

/// A walk along the batches of a run.
#[derive(Debug)]
pub(crate) struct Geometry {
    batch_size: i64,
    /// Once this time has passed since its first record, a batch may be closed that is not full; none if none may.
    period: Option<Duration>,
    sealed: bool,
    /// Records of the run: those it is sealed with, or those admitted so far.
    records: i64,
    last: Option<Last>,
    /// The record with which the next batch begins; none after a batch that is missing.
    next_first: Option<i64>,
    findings: Findings,
}

/// The batch that the walk is at.
#[derive(Debug)]
struct Last {
    batch: i64,
    last_record: i64,
    closed_by_sealing: bool,
    times: u64,
}

impl Geometry {
    pub(crate) fn new(run: &Run, records: i64, shown: usize) -> Self {
        Self {
            batch_size: run.batch_size,
            period: run.input.sources().and_then(|sources| sources.pushed()).map(|pushed| pushed.period),
            sealed: run.sealed,
            records,
            last: None,
            next_first: Some(1),
            findings: Findings::new(shown),
        }
    }

    /// The next row, in the order of numbers. True if it is a batch of the run, and the first row of its number.
    pub(crate) fn batch(&mut self, row: &BatchRow) -> bool {
        if let Some(last) = self.last.as_mut().filter(|last| last.batch == row.batch) {
            last.times += 1;
            return false;
        }
        if row.batch < 1 || row.first_record > self.records {
            self.violated(row.batch, || format!("batch {} is outside of the run", row.batch));
            return false;
        }
        self.check_place(row);
        self.check_size(row);
        self.check_state(row);
        self.findings.counts.batches += 1;
        self.next_first = Some(row.last_record.saturating_add(1));
        self.last = Some(Last {
            batch: row.batch,
            last_record: row.last_record,
            closed_by_sealing: row.closed_by == "Sealed",
            times: 1,
        });
        true
    }

    /// The batch comes after the one before it, in number and records.
    fn check_place(&mut self, row: &BatchRow) {
        let BatchRow { batch, first_record, last_record, .. } = row;
        let before = self.last.as_ref().map_or(0, |last| last.batch);
        self.close_number();
        self.missing(before + 1, batch - 1);
        if let Some(sealed) = self.last.as_ref().filter(|last| last.closed_by_sealing) {
            let sealed = sealed.batch;
            self.violated(*batch, || {
                format!("batch {batch} follows batch {sealed}, which was closed by the sealing of the run")
            });
        }
        if let Some(expected) = self.next_first.filter(|expected| expected != first_record) {
            self.violated(*batch, || {
                format!("batch {batch} begins with record {first_record}, expected is {expected}")
            });
        }
        if last_record < first_record {
            self.violated(*batch, || {
                format!("batch {batch} ends with record {last_record}, before its first, {first_record}")
            });
        }
    }

    /// The batch has as many records as what closed it allows.
    fn check_size(&mut self, row: &BatchRow) {
        let BatchRow { batch, first_record, last_record, .. } = row;
        let records = last_record.saturating_sub(*first_record).saturating_add(1);
        let size = self.batch_size;
        let wrong = match row.closed_by.as_str() {
            "Full" if records == size => None,
            "Full" => Some(format!("was closed as full with {records} records instead of {size}")),
            "Sealed" if !self.sealed => {
                Some("was closed by the sealing of the run, which is not sealed".to_owned())
            }
            "Sealed" if records <= size => None,
            "Sealed" => Some(format!("has {records} records, more than the batch size of {size}")),
            "Period" => match self.period {
                None => {
                    Some("was closed because a period had passed, but its run declares no period".to_owned())
                }
                Some(_) if records >= size => Some(format!(
                    "was closed because a period had passed, with {records} records, as many as fill it"
                )),
                Some(period) => row
                    .open_micros
                    .filter(|open| u128::from(open.unsigned_abs()) < period.as_micros())
                    .map(|open| {
                        format!(
                            "was closed because a period of {period:?} had passed, after {open} microseconds"
                        )
                    }),
            },
            other => Some(format!("was closed by {other}, which is unknown")),
        };
        let wrong_time = if row.endless {
            Some("has an infinite instant".to_owned())
        } else {
            row.closed_early.then(|| "was closed before it was opened".to_owned())
        };
        for wrong in [wrong, wrong_time].into_iter().flatten() {
            self.violated(*batch, || format!("batch {batch} {wrong}"));
        }
    }

    /// The lease that the batch names is one of its own, and in the state that the batch is in.
    fn check_state(&mut self, row: &BatchRow) {
        let BatchRow { batch, state, lease_id, lease_fits, .. } = row;
        // That an unsigned one lacks signatures is a matter of law 1.
        let lease = || lease_id.map_or_else(|| "no lease".to_owned(), |id| format!("lease {id}"));
        let wrong = match state.as_str() {
            "signed" if !lease_fits => {
                format!("marked signed under {}, which is no signed lease of this batch", lease())
            }
            "leased" if !lease_fits => {
                format!("marked leased under {}, which is no open lease of this batch", lease())
            }
            "unsigned" if lease_id.is_some() => format!("marked unsigned, yet names {}", lease()),
            "signed" | "leased" | "unsigned" => return,
            other => format!("in the unknown state {other}"),
        };
        self.violated(*batch, || format!("batch {batch} is {wrong}"));
    }

    /// The end of the batches: they end where the run says that they do. Also the number of the last one.
    pub(crate) fn finish(mut self, admissions: &[AdmissionRow]) -> (Findings, i64) {
        self.close_number();
        let (batches, batched) = self.last.as_ref().map_or((0, 0), |last| (last.batch, last.last_record));
        let records = self.records;
        if self.sealed && batched != records {
            self.violated(batches, || {
                format!(
                    "the last batch, {batches}, ends with record {batched}, the run has {records} records"
                )
            });
        }
        if let [said] = admissions {
            if said.batches != batches {
                let said = said.batches;
                self.violated(batches, || format!("the run says {said} batches instead of {batches}"));
            }
            if said.batched != batched {
                let said = said.batched;
                self.violated(batches, || {
                    format!("the run says that {said} records are in batches instead of {batched}")
                });
            }
        }
        (self.findings, batches)
    }

    /// All rows of the number that the walk is at have been read.
    fn close_number(&mut self) {
        if let Some(Last { batch, times, .. }) = self.last.as_ref().filter(|last| last.times > 1) {
            let text = format!("batch {batch} stands {times} times");
            let batch = *batch;
            self.violated(batch, || text);
        }
    }

    fn missing(&mut self, first: i64, last: i64) {
        if first > last {
            return;
        }
        self.next_first = None;
        let batches = last.abs_diff(first) + 1;
        self.findings.violated_times(Law::OneKeyABatch, batches, first, || {
            if batches == 1 {
                format!("batch {first} is missing")
            } else {
                format!("the batches {first} to {last} are missing")
            }
        });
    }

    fn violated(&mut self, batch: i64, text: impl FnOnce() -> String) {
        self.findings.violated(Law::OneKeyABatch, batch, text);
    }
}

#[cfg(test)]
mod tests;
