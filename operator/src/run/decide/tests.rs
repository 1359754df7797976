//! Tests of the decisions: tables of single ones, and what becomes of a modelled world in which they
//! are carried out again and again.

mod crashes;
mod environment;
mod mischief;
mod operator;
mod play;
mod properties;
mod sinks;
pub(crate) mod situation;
mod table;
mod two_operators;
mod when_another_was_there;
mod when_audited;
mod when_deleted;
mod when_delivering;
mod when_filling;
mod when_generating;
mod when_given_secrets;
mod when_held;
mod when_not_allowed;
mod when_reading;
mod when_receiving;
mod when_signing;
mod when_sinks_fail;
mod when_standing_still;
mod when_starting;
mod when_starting_pods;
mod when_telling;
mod when_time_passes;
mod world;
mod worlds;
