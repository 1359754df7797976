//! As the work grows.

pub(crate) mod batch_size;
pub(crate) mod finished_runs;
pub(crate) mod keys;
pub(crate) mod records;
pub(crate) mod signers;
pub(crate) mod snapshot;

/// Of 2 cores.
const SIGNERS: u32 = 2;
