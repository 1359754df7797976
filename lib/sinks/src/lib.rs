//! Sinks of a run: where its signed batches are brought. Nothing here knows a ledger.
//!
//! A sink is given the lines of a batch. What it knows the batch by follows from run, batch and sink. It takes a batch only if nothing is
//! there under that, or if what is there is that batch: so a batch may be brought as often as anybody likes, and is there once, and whole.
//!
//! - `sink`: what every kind of sink is.
//! - `describe`: what the ledger keeps of a sink.
//! - `objects`: an object store, or a folder, which `folder` holds meanwhile, with `layout`, the names of objects, `packed`, lines that are
//!   compressed, and `parquet`.
//! - `http`: a service that is sent requests.
//! - `table`: a table of PostgreSQL.
//! - `notifier`: whoever is told of events.
//! - `rows`: lines taken apart, for those that keep columns.

mod describe;
mod folder;
mod http;
mod layout;
mod notifier;
mod objects;
mod packed;
mod parquet;
mod rows;
mod sink;
mod table;

pub use self::http::{HttpAccess, HttpSink};
pub use describe::{
    ContentFormat, HttpOfNotification, HttpOfSink, NotificationDescription, ObjectsOfSink, PinnedSink,
    SinkDescription, TableOfSink,
};
pub use layout::{BadLayout, Layout};
pub use notifier::{BadNotifier, CloudEvent, Notifier, ORIGIN, TellError, Told};
pub use objects::ObjectSink;
pub use sink::{BadSink, Batch, Manifest, Of, PutError, Sink};
pub use table::TableSink;
