//! Reads the payloads of a source from an object store or from a table. Of a store it lists the objects, cuts them into
//! splits, and reads a split from any position on; of a table it reads the rows, from behind any key. Both in bounded memory.
//!
//! A text that is all there, such as one that was pushed, is cut and judged in the same way.
//!
//! Nothing here knows a ledger. What a payload is, byte for byte, what a position is, and how splits are cut is in
//! `docs/internals/reading.md`, `docs/internals/reading-tables.md` and `docs/internals/reading-parquet.md`.

mod arrival;
mod body;
mod chunks;
mod cloud_event;
mod clouds;
mod credentials;
mod csv;
mod describe;
mod destination;
mod error;
mod fault;
mod framing;
mod guarded_http;
mod json;
mod judge;
mod listing;
mod location;
mod memory;
mod object;
mod open;
mod parquet_rows;
mod patterns;
mod pieces;
mod post;
mod reader;
mod request;
mod resolve;
mod split;
mod standard_webhooks;
mod store;
mod table;
mod table_error;
mod text;
mod trace;
mod zstd_frame;

pub use arrival::{
    Arrival, Changed, Dead, Identity, MAX_PAYLOAD, OBJECT_CHANGED, Outcome, Position, Reason, Stage, Versions,
};
pub use body::{BodyFormat, Came, read_body};
pub use chancery_canonical::{canonical_double, canonical_json};
pub use cloud_event::identity_of as event_identity;
pub use credentials::Credentials;
pub use describe::{EventMode, Format, Objects};
pub use destination::{ForbiddenDestination, forbidden_address, forbidden_name};
pub use error::{FinalError, ReadError, TransientError};
pub use fault::{Said, said_by};
pub use listing::MAX_OBJECTS;
pub use object::{PinnedObject, Version};
pub use post::{Answered, Post, PostError, Posted, Poster, check_url};
pub use reader::SplitReader;
pub use split::{DEFAULT_SPLIT, Part, Split};
pub use standard_webhooks::{BadSecret, WebhookHeaders, WebhookKeys, webhook_headers};
pub use store::{Settings, Store, Written};
pub use table::{Database, KeyLookup, Looked, RowKey, Table, TableLogin, TableReader, TableRow, TableSource};
pub use table_error::TableError;
pub use trace::Trace;
