//! When and what an observation reads.

use chancery_store::{Run, StoreError};
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use crate::run::progress::Read;

/// The time of a reconcile: for people, and on the clock that is never set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) time: Timestamp,
    pub(crate) instant: Instant,
}

/// What was read of the ledger for one observation.
pub(crate) enum Reading {
    /// Nothing: what the watch of the progress read last is recent enough, or there is no database.
    Nothing,
    /// The run and its progress.
    Fresh(Box<(Run, Read)>),
    /// The ledger does not have the run.
    Gone,
    /// The ledger could not be read.
    Failed(StoreError),
}
