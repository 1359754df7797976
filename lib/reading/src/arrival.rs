//! What a split yields, one after the other.

use bytes::Bytes;
use chancery_canonical::NoCanonicalForm;
use serde::{Deserialize, Serialize};

use crate::object::Version;
use crate::trace::Trace;

/// The most bytes that a payload has, and that are kept of a dead letter: 1 MiB.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// Where in a split an arrival begins: a byte of the text for formats of text (of the decompressed text, for compressed
/// objects), a row of a Parquet file or of a table, 0 or 1 for an object that is one payload.
///
/// Only a position that came from reading the same split means anything: the first of a split
/// ([`Split::start`](crate::Split::start)), or the `next_position` of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Nothing comes after it. The largest number that a signed 64-bit column holds.
    pub const END: Self = Self(i64::MAX as u64);
}

/// One payload that a source offered, or what is known of one that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it begins.
    pub position: Position,
    /// From where reading goes on after it.
    pub next_position: Position,
    /// What it is.
    pub outcome: Outcome,
    /// What names it, where its format has names: CloudEvents only.
    pub identity: Option<Identity>,
    /// In which trace it came, where its format has traces: CloudEvents only.
    pub trace: Option<Trace>,
}

/// What became of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The payload: at most [`MAX_PAYLOAD`] bytes.
    Payload(Bytes),
    /// It cannot become a payload.
    Dead(Dead),
}

/// Why an arrival cannot become a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Which step gave it up.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// Its bytes as they were read, the first [`MAX_PAYLOAD`] at most; empty where none were.
    pub raw: Bytes,
}

/// The source and id of a CloudEvent, which together are unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The attribute `source`.
    pub source: String,
    /// The attribute `id`.
    pub id: String,
}

/// A step of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Bytes of the object.
    Fetch,
    /// gzip or zstd.
    Decompress,
    /// Where an arrival ends.
    Frame,
    /// What is in it.
    Parse,
}

/// How the text of [`Reason::ObjectChanged`] begins: whoever reads a ledger knows it by that.
pub const OBJECT_CHANGED: &str = "the object changed while it was read";

/// Why an arrival is dead. Its text is one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The object is not the one that was listed.
    #[error("{OBJECT_CHANGED}: {} was pinned, {} is there; nothing of the rest is read", .0.was, .0.now)]
    ObjectChanged(Box<Versions>),
    /// More than [`MAX_PAYLOAD`].
    #[error("it has {bytes} bytes, and a payload has at most 1048576")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// gzip or zstd cannot be read on.
    #[error("the compressed object is damaged: {0}; the rest of it cannot be read")]
    Damaged(String),
    /// gzip or zstd ends too soon.
    #[error("the compressed object is cut off; the rest of it is not there")]
    CutOff,
    /// A quote that nothing closes.
    #[error("a quoted field is never closed: everything up to the end of the object belongs to it")]
    OpenQuote,
    /// Not UTF-8.
    #[error("it is not UTF-8: byte {at} of it is wrong")]
    NotUtf8 {
        /// Bytes before the wrong one.
        at: usize,
    },
    /// Not one JSON value.
    #[error("it is not one JSON value: {0}")]
    NotJson(String),
    /// JSON that RFC 8785 has no form for.
    #[error("it has no canonical form: {0}")]
    NotCanonical(String),
    /// A row whose payload is not there.
    #[error("the payload, column `{column}`, is NULL")]
    NoPayload {
        /// The column.
        column: String,
    },
    /// Not a CloudEvent.
    #[error("it is not a CloudEvent: {0}")]
    NotCloudEvent(String),
    /// Not a Parquet file, or a damaged one.
    #[error("it cannot be read as Parquet: {0}; nothing more of it is read")]
    NotParquet(String),
    /// A header that names nothing, or one thing twice.
    #[error("the header of the CSV file is unusable: {0}; no row of it is read")]
    BadHeader(String),
    /// A row that does not fit the header.
    #[error("the row has {given} fields, and the header {wanted}")]
    FieldCount {
        /// Fields of the header.
        wanted: usize,
        /// Fields of the row.
        given: usize,
    },
    /// A row that two readers of CSV would read differently.
    #[error(
        "the row is not CSV as RFC 4180 has it: text stands between a closing quote and the next separator"
    )]
    BadQuote,
}

impl From<NoCanonicalForm> for Reason {
    fn from(error: NoCanonicalForm) -> Self {
        match error {
            NoCanonicalForm::NotJson(why) => Self::NotJson(why),
            NoCanonicalForm::NotCanonical(why) => Self::NotCanonical(why),
        }
    }
}

/// The version of an object that was pinned, and the one that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// What was listed.
    pub was: Version,
    /// What is there now.
    pub now: Changed,
}

/// What is there in place of a pinned object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Another version.
    To(Version),
    /// Nothing.
    Gone,
    /// Another version, of which the store did not say which.
    Unknown,
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::To(version) => version.fmt(f),
            Self::Gone => f.write_str("nothing"),
            Self::Unknown => f.write_str("another version"),
        }
    }
}
