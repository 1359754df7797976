//! Sinks of a run: where its signed batches are brought. Nothing here knows a ledger.
//!
//! A sink is given the content of a batch under a name that follows from run, batch and sink. It takes it only if nothing is there under
//! that name, or if what is there is that content: so a batch may be brought as often as anybody likes, and is there once, and whole.
//!
//! - `describe`: what the ledger keeps of a sink.
//! - `layout`: names of objects.
//! - `objects`: an object store, or a folder.
//! - `packed`: content as it is stored, and back.

mod describe;
mod layout;
mod objects;
mod packed;

pub use describe::{ContentFormat, HttpOfSink, ObjectsOfSink, PinnedSink, SinkDescription, TableOfSink};
pub use layout::{BadLayout, Layout, Names};
pub use objects::{BadSink, ObjectSink, PutError};
