//! Makes statements about runs, checks a ledger against them, and proves single records.
//!
//! - `step`: what is to be done next for a run; called again and again while it is seeded and signed, also by several
//!   callers at once, each of whom may end at any point.
//! - `roots`: the roots of batches, in portions.
//! - `made`: what one caller has computed of a run.
//! - `claims`: what is stated, from what the ledger holds.
//! - `check`: whether the ledger still holds what was stated.
//! - `prove`: a record's way to the statement.

mod check;
mod claims;
mod error;
mod made;
mod prove;
mod report;
mod roots;
mod step;

pub use check::{KeptStatement, check};
pub use error::StatingError;
pub use made::Made;
pub use prove::prove;
pub use report::{Heads, StatementHead, StatementReport};
pub use step::{Step, heads, step};

use chancery_statement::Envelope;
use chancery_store::statements::StatementRow;

/// A statement of the ledger as an envelope, as it is exported.
#[must_use]
pub fn envelope(row: &StatementRow) -> Envelope {
    Envelope { body: row.body.clone(), key_id: row.key_id.clone(), signature: row.signature.clone() }
}
