//! How objects are cut into parts that are read one beside the other.

use serde::{Deserialize, Serialize};

use crate::arrival::Position;
use crate::describe::{EventMode, Format};
use crate::error::ReadError;
use crate::fault::Fault;
use crate::object::{Compression, PinnedObject};
use crate::parquet_rows;
use crate::store::Store;

/// Bytes of a split, unless somebody wants others: 64 MiB.
pub const DEFAULT_SPLIT: u64 = 64 * 1024 * 1024;

/// A part of an object. It can be stored, and read by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The object, pinned.
    pub object: PinnedObject,
    /// Which part of it.
    pub part: Part,
}

/// Which part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Part {
    /// All of it.
    Object {},
    /// The lines that begin at one of these bytes.
    Bytes {
        /// The first.
        start: u64,
        /// Behind the last.
        end: u64,
    },
    /// These rows, counted in the object: of formats that know how many they have.
    Rows {
        /// The first.
        start: u64,
        /// Behind the last.
        end: u64,
    },
}

impl Split {
    /// The position from which all of it is read.
    #[must_use]
    pub fn start(&self) -> Position {
        match self.part {
            Part::Bytes { start, .. } | Part::Rows { start, .. } => Position(start),
            Part::Object {} => Position(0),
        }
    }
}

impl Store {
    /// Cuts an object, with a look at it where that is needed: Parquet files say at their end where they can be cut. Every
    /// arrival of the object is in exactly one split, whatever `split_bytes` is.
    ///
    /// # Errors
    ///
    /// The source cannot be read. What is wrong with the object itself is for whoever reads its one split.
    pub async fn split(
        &self,
        object: &PinnedObject,
        format: &Format,
        split_bytes: u64,
    ) -> Result<Vec<Split>, ReadError> {
        if *format != (Format::Parquet {}) {
            return Ok(self.plan(object, format, split_bytes));
        }
        match parquet_rows::read_footer(self, object).await {
            Ok(metadata) => {
                let split = |(start, end)| Split { object: object.clone(), part: Part::Rows { start, end } };
                Ok(parquet_rows::parts(&metadata, split_bytes).into_iter().map(split).collect())
            }
            Err(Fault::Changed(_) | Fault::Corrupt(_)) => Ok(self.plan(object, format, split_bytes)),
            Err(Fault::Read(error)) => Err(error),
        }
    }

    /// Cuts an object as far as that can be done without a look at it: Parquet files are one split. Every arrival of the
    /// object is in exactly one split, whatever `split_bytes` is. An object of 0 bytes that has nothing to offer has no
    /// split.
    #[must_use]
    pub fn plan(&self, object: &PinnedObject, format: &Format, split_bytes: u64) -> Vec<Split> {
        let whole = || Split { object: object.clone(), part: Part::Object {} };
        let size = object.version.size;
        let packed = object.compression() != Compression::None;
        match format {
            Format::CloudEvents { mode: EventMode::Single } | Format::Parquet {} => vec![whole()],
            _ if size == 0 && !packed => Vec::new(),
            Format::Csv { .. } | Format::Whole {} => vec![whole()],
            Format::Lines {} | Format::Ndjson {} | Format::CloudEvents { mode: EventMode::Lines } => {
                if packed {
                    vec![whole()]
                } else {
                    let step = split_bytes.max(1);
                    (0..size.div_ceil(step))
                        .map(|number| {
                            let start = number * step;
                            let part = Part::Bytes { start, end: size.min(start.saturating_add(step)) };
                            Split { object: object.clone(), part }
                        })
                        .collect()
                }
            }
        }
    }
}
