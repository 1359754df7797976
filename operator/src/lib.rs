//! The operator: it reconciles every SigningRun. It seeds the ledger, runs the signers' Job, and keeps the
//! status up to date until the run is complete. Of each SigningPolicy it says whether runs can be judged by it.
//!
//! [`host`] is what an operator needs whatever it reconciles: leader election, the database, Events, metrics.
//! Each kind of object has a folder of its own beside it: [`run`] and [`policy`]. In [`run`], `decide` says why anything was
//! done.

pub mod arguments;
pub mod host;
pub mod policy;
pub mod run;

mod commands;
mod make_secrets;
mod migrate;
mod operate;
mod prepare_uninstall;
mod wait;

pub use make_secrets::make_secrets;
pub use migrate::migrate;
pub use operate::{metrics_registry, operate};
pub use prepare_uninstall::{let_go_of_runs, prepare_uninstall};
pub use wait::wait;
