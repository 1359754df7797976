//! What a Parquet file says of itself at its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};

use crate::arrival::Reason;
use crate::chunks::Chunks;
use crate::fault::Fault;
use crate::object::{Compression, PinnedObject};
use crate::parquet_rows::thrift;
use crate::store::Store;

/// The most bytes of a footer.
const MAX_FOOTER: u64 = 16 * 1024 * 1024;

/// What is read at once: most footers are shorter.
const FIRST: u64 = 64 * 1024;

/// Length and magic number.
const TAIL: u64 = 8;

/// Reads it.
///
/// # Errors
///
/// The object cannot be read, or is not a Parquet file.
pub(crate) async fn read(store: &Store, object: &PinnedObject) -> Result<Arc<ParquetMetaData>, Fault> {
    let size = object.version.size;
    if object.compression() != Compression::None {
        return Err(damaged(
            "its name says that all of it is compressed, and a Parquet file is read in parts",
        ));
    }
    if size < TAIL {
        return Err(damaged("it is too short"));
    }
    let start = size.saturating_sub(FIRST);
    let mut end = bytes(store, object, start, size).await?;
    let tail = end.split_off(end.len() - usize::try_from(TAIL).unwrap_or(end.len()));
    let tail = FooterTail::try_from(&*tail).map_err(|error| damaged(&said(&error)))?;
    if tail.is_encrypted_footer() {
        return Err(damaged("it is encrypted"));
    }
    let length = u64::try_from(tail.metadata_length()).unwrap_or(u64::MAX);
    if length > MAX_FOOTER {
        return Err(damaged("its footer is longer than 16 MiB"));
    }
    let begin =
        (size - TAIL).checked_sub(length).ok_or_else(|| damaged("its footer is longer than itself"))?;
    let footer = match begin.checked_sub(start) {
        Some(skipped) => end.slice(usize::try_from(skipped).unwrap_or(usize::MAX)..),
        None => bytes(store, object, begin, size - TAIL).await?,
    };
    thrift::check(&footer).map_err(|why| damaged(&why))?;
    let decoded = guarded(|| ParquetMetaDataReader::decode_metadata(&footer)).map_err(|why| damaged(&why))?;
    if decoded.row_groups().iter().any(|group| group.num_rows() < 0) {
        return Err(damaged("a row group of it has less than no rows"));
    }
    Ok(Arc::new(decoded))
}

/// Where a file is cut: at row groups, of which one part has `split_bytes` or a few more; as rows, each part with its
/// first row and the one behind its last.
pub(crate) fn parts(metadata: &ParquetMetaData, split_bytes: u64) -> Vec<(u64, u64)> {
    let mut parts = Vec::new();
    let (mut start, mut row, mut weight) = (0, 0_u64, 0_u64);
    for group in metadata.row_groups() {
        row += u64::try_from(group.num_rows()).unwrap_or_default();
        weight = weight.saturating_add(u64::try_from(group.compressed_size()).unwrap_or_default());
        if weight >= split_bytes && row > start {
            parts.push((start, row));
            (start, weight) = (row, 0);
        }
    }
    if row > start {
        parts.push((start, row));
    }
    parts
}

/// Bytes of the pinned version.
pub(crate) async fn bytes(
    store: &Store,
    object: &PinnedObject,
    start: u64,
    end: u64,
) -> Result<Bytes, Fault> {
    let mut chunks = Chunks::new(store, object, start, end)?;
    let mut read = BytesMut::with_capacity(usize::try_from(end.saturating_sub(start)).unwrap_or_default());
    while let Some(chunk) = chunks.next().await? {
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// Calls the decoder, which panics at some damage.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(said(&error)),
        Err(_panic) => Err("it is damaged in a way that the decoder does not know".to_owned()),
    }
}

pub(crate) fn damaged(why: &str) -> Fault {
    Fault::Corrupt(Reason::NotParquet(why.to_owned()))
}

fn said(error: &ParquetError) -> String {
    match error {
        ParquetError::General(why) => why.clone(),
        other => other.to_string(),
    }
}
