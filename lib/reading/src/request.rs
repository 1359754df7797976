//! What a reader was asked for.

use crate::arrival::Position;
use crate::describe::Format;
use crate::split::Split;
use crate::store::Store;

/// What is to be read.
pub(crate) struct Request {
    pub(crate) store: Store,
    pub(crate) format: Format,
    pub(crate) split: Split,
    pub(crate) position: Position,
}
