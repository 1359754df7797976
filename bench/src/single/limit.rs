//! Against the limit of the hardware.

pub(crate) mod breakdown;
pub(crate) mod curves;
pub(crate) mod kernel;
mod profile;
pub(crate) mod rs256;

/// Signers, as many as the reference machine has cores.
const SIGNERS: u32 = 2;
