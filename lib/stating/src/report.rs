//! What was found, and what was stated.

use chancery_statement::Digest;
use chancery_statement::statement::Kind;
use serde::Serialize;

/// A statement in short: who has this and the public key knows if another is put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementHead {
    /// Which of the two it is.
    pub kind: Kind,
    /// Its place among all statements of the ledger.
    pub number: i64,
    /// SHA-256 of it, as it was signed.
    pub hash: Digest,
    /// Id of the key that signed it.
    pub key: String,
}

/// The statements about a run, as far as they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The one about its sealing.
    pub sealed: Option<StatementHead>,
    /// The one about its signatures.
    pub signed: Option<StatementHead>,
}

/// What was found when a ledger was checked against its statements.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementReport {
    /// Statements of the ledger, about all runs.
    pub chain: u64,
    /// Those that speak of the run that was checked.
    pub about: Vec<StatementHead>,
    /// What does not hold, in words.
    pub violations: Vec<String>,
    /// Statements about other runs that nobody who is trusted has signed, in words. Nothing rests on them.
    pub not_trusted: Vec<String>,
}

impl StatementReport {
    /// Whether the ledger holds what was stated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    pub(crate) fn violated(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }
}
