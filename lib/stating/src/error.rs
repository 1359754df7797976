//! Why nothing can be stated or proven.

use chancery_store::StoreError;

/// Why nothing can be stated, checked or proven.
#[derive(Debug, thiserror::Error)]
pub enum StatingError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows are missing of which something is to be stated.
    #[error("nothing can be stated of {run}: {what}; `chancery verify {run}` says what else is wrong")]
    Incomplete {
        /// The run.
        run: String,
        /// What is missing.
        what: String,
    },
    /// Others append to the chain all the time, or it has no end that can be appended to.
    #[error("no statement can be appended after statement {0}: the chain of statements was altered")]
    NoEnd(i64),
    /// The run is not signed, or nothing is stated of that yet.
    #[error(
        "the run {0} has no statement about its signatures yet: it is made once its last batch is signed (`chancery run` or the operator does)"
    )]
    NotStated(String),
    /// The run has no such record.
    #[error("the run {run} has no record {record}")]
    NoRecord {
        /// The run.
        run: String,
        /// The number that was asked for.
        record: i64,
    },
    /// The ledger does not hold what was stated.
    #[error(
        "record {record} of the run {run} cannot be proven: the ledger does not hold what was stated any more; `chancery verify {run} --trusted-key FILE` says what differs"
    )]
    Differs {
        /// The run.
        run: String,
        /// The record.
        record: i64,
    },
}
