//! A model of the lease protocol, for a model checker that visits every state it can get into.
//!
//! What each transition stands for is in `docs/internals/model.md`. The signer's term is not modelled:
//! it is the very `Term` that a signer runs, on a clock that the model moves.

mod acquire;
mod action;
mod boot_clock;
#[path = "../../../signer-job/src/boot_instant.rs"]
mod boot_instant;
mod canonical;
mod clocks;
mod drain;
mod expiry;
mod few;
mod ledger;
mod model;
mod moments;
mod owner;
mod properties;
mod protocol;
mod report;
mod ring;
mod run;
mod state;
mod steps;
#[path = "../../../signer-job/src/term.rs"]
#[allow(dead_code, reason = "the model needs no renewal of a term: it only asks what a fresh one says")]
mod term;
mod undo;

pub use action::Action;
pub use expiry::By;
pub use model::{LeaseModel, Size};
pub use properties::property;
pub use protocol::Protocol;
pub use report::{Report, check, find_counterexample, find_counterexample_of};
pub use state::{Changes, Faults, State};
