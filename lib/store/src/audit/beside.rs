//! Records beside their signatures: rows of payloads and blocks of signatures, read apart, come together by their numbers.
//!
//! A join in the database would cut each block into rows that have the lease's columns in each, sort them, and send them: that
//! took longer than verifying what is in them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};

use super::rows::{BlockRow, PayloadRow, RecordRow};
use crate::error::StoreError;

type Payloads<'r> = Pin<Box<dyn Stream<Item = Result<PayloadRow, StoreError>> + Send + 'r>>;

/// The records of a range, one after the other.
pub(super) struct Beside<'r> {
    /// In the order of their records.
    payloads: Payloads<'r>,
    /// The next of these, if it was read.
    next: Option<PayloadRow>,
    /// How many of these were read.
    read: u64,
    /// Blocks that begin behind `at`, in the order of their first records.
    blocks: VecDeque<Block>,
    /// Blocks that begin before, or there, and may reach it.
    open: Vec<Block>,
    /// Everything before was given.
    at: i64,
    last: i64,
    /// The payloads of one record.
    group: Vec<(u64, PayloadRow)>,
    /// Rows of one record that are still to be given.
    ready: VecDeque<RecordRow>,
}

/// A block of signatures, in one piece of memory that all rows of its records share.
struct Block {
    number: u64,
    row: BlockRow,
    signatures: Option<Bytes>,
    outcome: Option<Arc<str>>,
}

impl<'r> Beside<'r> {
    /// What these payloads and blocks have of the records `first..=last`.
    pub(super) fn new(payloads: Payloads<'r>, blocks: Vec<BlockRow>, (first, last): (i64, i64)) -> Self {
        Self {
            payloads,
            next: None,
            read: 0,
            blocks: numbered(blocks),
            open: Vec::new(),
            at: first,
            last,
            group: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next row. A record or signature that stands twice gives one for each pair.
    pub(super) async fn row(&mut self) -> Result<Option<RecordRow>, StoreError> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            if self.next.is_none() {
                self.read_next().await?;
            }
            let Some(record) = self.next_record() else { return Ok(None) };
            self.open_up_to(record);
            while self.next.as_ref().is_some_and(|next| next.record == record) {
                self.group.extend(self.next.take().map(|next| (self.read, next)));
                self.read_next().await?;
            }
            self.pair(record);
            self.at = record.saturating_add(1);
            self.open.retain(|block| block.row.last_record > record);
        }
    }

    async fn read_next(&mut self) -> Result<(), StoreError> {
        self.next = self.payloads.try_next().await?;
        self.read += 1;
        Ok(())
    }

    /// The least number, from `at` on, of which there is a payload or a signature.
    fn next_record(&self) -> Option<i64> {
        let of_payload = self.next.as_ref().map(|next| next.record);
        let of_signature = match self.blocks.front() {
            _ if !self.open.is_empty() => Some(self.at),
            block => block.map(|block| block.row.first_record.max(self.at)),
        };
        let of_signature = of_signature.filter(|record| *record <= self.last);
        of_payload.into_iter().chain(of_signature).min()
    }

    fn open_up_to(&mut self, record: i64) {
        while self.blocks.front().is_some_and(|block| block.row.first_record <= record) {
            self.open.extend(self.blocks.pop_front().filter(|block| block.row.last_record >= record));
        }
    }

    /// Each payload of the record beside each of its signatures.
    fn pair(&mut self, record: i64) {
        if self.group.is_empty() {
            let without = || RecordRow { record, ..RecordRow::default() };
            self.ready.extend(self.open.iter().map(|block| block.beside(without())));
        }
        for (number, payload) in self.group.drain(..) {
            let row = RecordRow::of(number, payload);
            match self.open.as_slice() {
                [] => self.ready.push_back(row),
                // Nearly always it is one, and nothing is copied.
                [block] => self.ready.push_back(block.beside(row)),
                blocks => self.ready.extend(blocks.iter().map(|block| block.beside(row.clone()))),
            }
        }
    }
}

/// Blocks of the same address have the same number.
fn numbered(rows: Vec<BlockRow>) -> VecDeque<Block> {
    let mut places: std::collections::HashMap<String, u64> = std::collections::HashMap::new();
    let block = |mut row: BlockRow| {
        let number = places.len() as u64;
        let number = *places.entry(std::mem::take(&mut row.place)).or_insert(number);
        let signatures = row.signatures.take().map(Bytes::from);
        let outcome = row.lease_outcome.take().map(Arc::from);
        Block { number, row, signatures, outcome }
    };
    rows.into_iter().map(block).collect()
}

impl Block {
    fn beside(&self, row: RecordRow) -> RecordRow {
        RecordRow {
            signature_row: Some(self.number),
            signature: self.signature(row.record),
            lease_id: Some(self.row.lease_id),
            key_id: self.row.key_id,
            lease_run: self.row.lease_run,
            lease_outcome: self.outcome.clone(),
            ..row
        }
    }

    /// Signatures have one length; the last has all bytes that are left.
    fn signature(&self, record: i64) -> Option<Bytes> {
        let signatures = self.signatures.as_ref()?;
        let BlockRow { first_record, last_record, .. } = self.row;
        let place = usize::try_from(record.checked_sub(first_record)?).ok()?;
        let records = usize::try_from(last_record.checked_sub(first_record)?).ok()?.checked_add(1)?;
        let length = signatures.len() / records;
        let begin = place * length;
        let end = if record == last_record { signatures.len() } else { begin + length };
        Some(signatures.slice(begin..end))
    }
}

#[cfg(test)]
mod tests;
