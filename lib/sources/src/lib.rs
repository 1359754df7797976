//! Where the records of a run come from: `generated` makes random ones in the database, and `objects` says in the ledger
//! what an intake is to read.

pub mod access;
pub mod asking;
pub mod generated;
pub mod identity;
pub mod judge;
pub mod letters;

mod new_run;
pub mod notifications;
pub mod objects;
mod pass_file;
pub mod pin;
pub mod questions;
pub mod redrive;
pub mod replay;
mod same_run;
pub mod sinks;

pub use new_run::{Asks, new_run};
pub use same_run::differences;
