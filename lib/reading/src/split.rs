//! How objects are cut into parts that are read one beside the other.

use serde::{Deserialize, Serialize};

use crate::arrival::Position;
use crate::describe::{EventMode, Format};
use crate::object::{Compression, PinnedObject};
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
}

impl Split {
    /// The position from which all of it is read.
    #[must_use]
    pub fn start(&self) -> Position {
        match self.part {
            Part::Bytes { start, .. } => Position(start),
            Part::Object {} => Position(0),
        }
    }
}

impl Store {
    /// Cuts an object. Every arrival of the object is in exactly one split, whatever `split_bytes` is. An object of
    /// 0 bytes that has nothing to offer has no split.
    #[must_use]
    pub fn plan(&self, object: &PinnedObject, format: &Format, split_bytes: u64) -> Vec<Split> {
        let whole = || Split { object: object.clone(), part: Part::Object {} };
        let size = object.version.size;
        let packed = object.compression() != Compression::None;
        match format {
            Format::CloudEvents { mode: EventMode::Single } => vec![whole()],
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
