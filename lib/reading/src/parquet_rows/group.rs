//! One row group in memory.

use std::sync::Arc;

use bytes::Bytes;
use bytes::buf::{Buf, Reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::fault::Fault;
use crate::object::PinnedObject;
use crate::parquet_rows::column::{self, Column};
use crate::parquet_rows::footer::{bytes, damaged, guarded};
use crate::parquet_rows::pages::{CheckedPages, Levels};
use crate::parquet_rows::thrift;
use crate::store::Store;

/// The most bytes of a row group, as it is stored.
const MAX_GROUP: u64 = 1024 * 1024 * 1024;

/// The most bytes of its pages when they are unpacked, one page of each column, and its dictionary.
const MAX_PAGES: usize = 512 * 1024 * 1024;

/// Parts of a file that are in memory: where each begins, in order.
struct Pieces {
    size: u64,
    pieces: Vec<(u64, Bytes)>,
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.size
    }
}

impl Pieces {
    fn from(&self, start: u64) -> Result<Bytes> {
        let at = self.pieces.partition_point(|(begin, _)| *begin <= start);
        let found = at.checked_sub(1).and_then(|at| self.pieces.get(at)).and_then(|(begin, bytes)| {
            let skipped = usize::try_from(start - begin).ok()?;
            (skipped <= bytes.len()).then(|| bytes.slice(skipped..))
        });
        found.ok_or_else(|| ParquetError::EOF("a page of it lies outside of its column".to_owned()))
    }
}

impl ChunkReader for Pieces {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.from(start).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF("a page of it lies outside of its column".to_owned()));
        }
        Ok(bytes.slice(..length))
    }
}

/// Bytes of a row group, as it is stored or unpacked, whichever is more, as far as the file is to be believed.
pub(crate) fn size(group: &RowGroupMetaData) -> u64 {
    let columns = group.columns().iter();
    let stored = columns.fold(0_i64, |sum, chunk| sum.saturating_add(chunk.compressed_size()));
    u64::try_from(stored.max(group.total_byte_size())).unwrap_or_default()
}

/// Reads a row group, and opens its columns behind the first `skipped` rows.
pub(crate) async fn open(
    store: &Store,
    object: &PinnedObject,
    metadata: &ParquetMetaData,
    number: usize,
    skipped: u64,
) -> std::result::Result<Vec<Box<dyn Column>>, Fault> {
    let group = metadata.row_group(number);
    let size = object.version.size;
    let mut pieces = Vec::new();
    for (start, end) in ranges(group, size).map_err(|why| damaged(&why))? {
        pieces.push((start, bytes(store, object, start, end).await?));
    }
    let pieces = Arc::new(Pieces { size, pieces });
    look_at_pages(group, &pieces).map_err(|why| damaged(&why))?;
    guarded(|| {
        let rows = usize::try_from(group.num_rows())?;
        let skipped = usize::try_from(skipped)?;
        let mut columns = Vec::with_capacity(group.num_columns());
        for chunk in group.columns() {
            let pages = SerializedPageReader::new(Arc::clone(&pieces), chunk, rows, None)?;
            let descriptor = chunk.column_descr_ptr();
            let levels =
                Levels { repetition: descriptor.max_rep_level(), definition: descriptor.max_def_level() };
            let mut column = column::open(descriptor, Box::new(CheckedPages::new(pages, levels)));
            column.skip(skipped)?;
            columns.push(column);
        }
        Ok(columns)
    })
    .map_err(|why| damaged(&why))
}

/// Walks through the headers of all pages: the decoder gives each page the memory that it asks for, and each column one page
/// at a time.
fn look_at_pages(group: &RowGroupMetaData, pieces: &Pieces) -> std::result::Result<(), String> {
    let mut unpacked = 0;
    for chunk in group.columns() {
        let (start, length) = chunk.byte_range();
        let bytes = pieces.from(start).map_err(|error| error.to_string())?;
        let mut rest = &bytes[..bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        let mut left = usize::try_from(chunk.num_values()).map_err(|_| "it has less than no values")?;
        let (mut largest, mut dictionary) = (0, 0);
        while left > 0 && !rest.is_empty() {
            let page = thrift::page(rest).ok_or("the header of a page of it is damaged")?;
            let behind = page.header.checked_add(page.stored).and_then(|length| rest.get(length..));
            rest = behind.ok_or("a page of it lies outside of its column")?;
            if !page.is_dictionary {
                left = left.saturating_sub(page.values);
                largest = page.unpacked.max(largest);
            } else if page.values > page.unpacked {
                return Err("a dictionary of it has more values than bytes".to_owned());
            } else {
                dictionary = page.unpacked;
            }
        }
        unpacked += largest + dictionary;
    }
    if unpacked > MAX_PAGES {
        return Err("its pages have more than 512 MiB, one of each column".to_owned());
    }
    Ok(())
}

/// Where its columns are, those that touch as one.
fn ranges(group: &RowGroupMetaData, size: u64) -> std::result::Result<Vec<(u64, u64)>, String> {
    let mut ranges = Vec::with_capacity(group.num_columns());
    for chunk in group.columns() {
        if chunk.file_path().is_some() {
            return Err("a column of it is in another file".to_owned());
        }
        let (start, length) = guarded(|| Ok(chunk.byte_range()))?;
        let end = start.checked_add(length).filter(|end| *end <= size);
        ranges.push((start, end.ok_or("a column of it lies behind its end")?));
    }
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    if merged.iter().map(|(start, end)| end - start).sum::<u64>() > MAX_GROUP {
        return Err("a row group of it has more than 1 GiB".to_owned());
    }
    Ok(merged)
}
