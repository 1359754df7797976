//! Cuts a run into ranges of records that a worker reads at a time, along its batches. No IO.
//!
//! Every number from 1 to the run's last is in exactly one range, whatever the rows of batches say: those of
//! records that no batch claims too. How much memory a range takes is only estimated here, by what the batches say
//! of their bytes: the reader of a range holds to its own bounds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chancery_store::audit::BatchRow;

use crate::report::{Findings, Law};
use crate::{RANGE_BYTES, RANGE_RECORDS};

/// Parts that one batch is cut into at the most, about.
const MOST_PARTS: i64 = 1024;

/// A batch, and what its records add up to as far as they were read.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) row: BatchRow,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    records: u64,
    bytes: u64,
}

impl Batch {
    pub(crate) fn new(row: BatchRow) -> Self {
        Self { row, read: Mutex::default() }
    }

    /// Adds records that were read, and tells if those of all do not add up to what the batch says.
    pub(crate) fn add_and_compare(&self, records: u64, bytes: u64, findings: &mut Findings) {
        let said = self.row.payload_bytes;
        if let Some(bytes) = self.add(records, bytes)
            && u64::try_from(said) != Ok(bytes)
        {
            let number = self.row.batch;
            findings.violated(Law::OneKeyABatch, number, || {
                format!("batch {number} says that its payloads have {said} bytes, they have {bytes}")
            });
        }
    }

    /// Adds records that were read. The bytes of all once each record of the batch was, and none twice.
    pub(crate) fn add(&self, records: u64, bytes: u64) -> Option<u64> {
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read.records += records;
        read.bytes += bytes;
        let whole = self.row.last_record.checked_sub(self.row.first_record)?.checked_add(1)?;
        (records > 0 && i64::try_from(read.records) == Ok(whole)).then_some(read.bytes)
    }
}

/// Consecutive records of one batch.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) batch: Arc<Batch>,
}

/// Consecutive records, and the batches that they are of.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// In the order of their records, each record in one part at the most.
    pub(crate) parts: Vec<Part>,
}

/// The ranges of a run, made while its batches are read.
#[derive(Debug)]
pub(crate) struct Ranges {
    records: i64,
    /// Every record up to this is in a range that is ready, or in the open one.
    covered: i64,
    ready: VecDeque<Range>,
    open: Vec<Part>,
    open_first: i64,
    open_bytes: i64,
}

impl Ranges {
    pub(crate) fn new(records: i64) -> Self {
        Self::from(records, 1)
    }

    /// Those from a record on with which a range begins.
    pub(crate) fn from(records: i64, first: i64) -> Self {
        let (ready, open) = (VecDeque::new(), Vec::new());
        Self { records, covered: first - 1, ready, open, open_first: first, open_bytes: 0 }
    }

    /// The next batch of the run.
    pub(crate) fn batch(&mut self, row: BatchRow) {
        let first = row.first_record.max(self.covered + 1);
        let last = row.last_record.min(self.records);
        if first > last {
            return;
        }
        let (records, bytes) = (last - first + 1, row.payload_bytes.max(0));
        let batch = Arc::new(Batch::new(row));
        let held = self.covered + 1 - self.open_first;
        if held + records > RANGE_RECORDS || self.open_bytes.saturating_add(bytes) > RANGE_BYTES {
            self.close();
        }
        let per_record = (bytes / records).max(1);
        let length = (RANGE_BYTES / per_record).clamp(1, RANGE_RECORDS).max(records / MOST_PARTS);
        let mut next = first;
        while next <= last {
            let end = last.min(next.saturating_add(length - 1));
            self.open.push(Part { first: next, last: end, batch: Arc::clone(&batch) });
            self.covered = end;
            next = end + 1;
            if next <= last {
                self.close();
            }
        }
        self.open_bytes = self.open_bytes.saturating_add(bytes.min(RANGE_BYTES));
    }

    /// There are no more batches: what no batch claims is left.
    pub(crate) fn finish(&mut self) {
        self.covered = self.covered.max(self.records);
        self.close();
    }

    pub(crate) fn take(&mut self) -> Option<Range> {
        self.ready.pop_front()
    }

    /// The last range, of what batches claim.
    pub(crate) fn end(&mut self) -> Option<Range> {
        self.close();
        self.take()
    }

    fn close(&mut self) {
        if self.open_first > self.covered {
            return;
        }
        let range =
            Range { first: self.open_first, last: self.covered, parts: std::mem::take(&mut self.open) };
        self.ready.push_back(range);
        self.open_first = self.covered + 1;
        self.open_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
