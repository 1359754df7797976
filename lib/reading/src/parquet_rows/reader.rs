//! Reads rows of a Parquet file, from any of them on.

use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;

use crate::arrival::{Arrival, MAX_PAYLOAD, Outcome, Position, Reason, Stage};
use crate::fault::Fault;
use crate::judge::dead;
use crate::memory::{self, Held};
use crate::object::PinnedObject;
use crate::parquet_rows::assemble;
use crate::parquet_rows::column::Column;
use crate::parquet_rows::footer;
use crate::parquet_rows::footer::{damaged, guarded};
use crate::parquet_rows::group;
use crate::parquet_rows::schema::{self, Node};
use crate::store::Store;

/// Rows that are being read.
pub(crate) struct ParquetRows {
    store: Store,
    object: PinnedObject,
    metadata: Arc<ParquetMetaData>,
    row: Node,
    /// The row that is next, counted in the file, and the one that is not read any more.
    next: u64,
    end: u64,
    group: Option<Group>,
}

struct Group {
    columns: Vec<Box<dyn Column>>,
    /// The row behind its last.
    end: u64,
    _held: Held,
}

impl ParquetRows {
    /// Reads the footer.
    pub(crate) async fn open(
        store: &Store,
        object: &PinnedObject,
        start: u64,
        end: u64,
    ) -> Result<Self, Fault> {
        let metadata = footer::read(store, object).await?;
        let row = schema::row(metadata.file_metadata().schema()).map_err(|why| damaged(&why))?;
        let (store, object) = (store.clone(), object.clone());
        Ok(Self { store, object, metadata, row, next: start, end, group: None })
    }

    /// The row that is next.
    pub(crate) const fn position(&self) -> u64 {
        self.next
    }

    /// The next row, if there is one.
    pub(crate) async fn next(&mut self) -> Result<Option<Arrival>, Fault> {
        if self.next >= self.end {
            return Ok(None);
        }
        if self.group.as_ref().is_none_or(|group| group.end <= self.next) {
            // Before the next is read, the one before is forgotten.
            self.group = None;
            self.group = self.open_group().await?;
        }
        let Some(group) = &mut self.group else { return Ok(None) };
        let is_last = self.next + 1 == group.end;
        let assembled = guarded(|| {
            let row = assemble::row(&mut group.columns, &self.row)?;
            if is_last {
                assemble::end(&mut group.columns)?;
            }
            Ok(row)
        });
        let (row, reason) = assembled.map_err(|why| damaged(&why))?;
        let position = Position(self.next);
        self.next += 1;
        let outcome = judged(row, reason);
        Ok(Some(Arrival {
            position,
            next_position: Position(self.next),
            outcome,
            identity: None,
            trace: None,
        }))
    }

    /// The row group of the next row, behind the rows before that one.
    async fn open_group(&mut self) -> Result<Option<Group>, Fault> {
        let mut first = 0_u64;
        for (number, group) in self.metadata.row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            let end = first.checked_add(rows).ok_or_else(|| damaged("it has too many rows"))?;
            if self.next < end {
                let skipped = self.next - first;
                let held = memory::hold(group::size(group)).await;
                let columns = group::open(&self.store, &self.object, &self.metadata, number, skipped).await?;
                return Ok(Some(Group { columns, end, _held: held }));
            }
            first = end;
        }
        Ok(None)
    }
}

fn judged(mut row: Vec<u8>, reason: Option<Reason>) -> Outcome {
    let bytes = row.len() as u64;
    let too_long = (row.len() > MAX_PAYLOAD).then_some(Reason::TooLong { bytes });
    match reason.or(too_long) {
        None => Outcome::Payload(row.into()),
        Some(reason) => {
            row.truncate(MAX_PAYLOAD);
            dead(Stage::Parse, reason, Bytes::from(row))
        }
    }
}
