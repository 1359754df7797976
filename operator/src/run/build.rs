//! Builds what the API server is sent from what was decided. No IO.

pub(crate) mod beside;
mod counts;
pub(crate) mod delivery;
pub(crate) mod events;
pub(crate) mod intake;
pub(crate) mod job;
pub(crate) mod job_change;
pub(crate) mod parts;
pub(crate) mod pod;
pub(crate) mod policy;
pub(crate) mod policy_secrets;
pub(crate) mod queue;
pub(crate) mod secret;
pub(crate) mod sinks;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod times;
