//! Where the records of a run come from: `generated` makes random ones in the database.

pub mod generated;
mod new_run;
mod same_run;

pub use new_run::{Asks, new_run};
pub use same_run::differences;
