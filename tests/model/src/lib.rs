//! A model of the lease protocol, for a model checker that visits every state it can get into.
//!
//! What each transition stands for is in `docs/lease-protocol.md`. The signer's term is not modelled:
//! it is the very `Term` that a signer runs, on a clock that the model moves.

mod action;
mod boot_clock;
#[path = "../../../signer-job/src/boot_instant.rs"]
mod boot_instant;
mod drain;
mod few;
mod ledger;
mod model;
mod moments;
mod protocol;
mod report;
mod state;
mod steps;
#[path = "../../../signer-job/src/term.rs"]
#[allow(dead_code, reason = "the model needs no renewal of a term: it only asks what a fresh one says")]
mod term;

pub use action::Action;
pub use model::{LeaseModel, Size, property};
pub use protocol::Protocol;
pub use report::{Report, check, find_counterexample};
pub use state::{Faults, State};
