//! How far the sources of runs are.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// How far a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceProgress {
    /// The ledger's number of its run.
    pub run_id: i32,
    /// Its name in the manifest.
    pub name: String,
    /// Whether it is known what it consists of.
    pub listed: bool,
    /// Its splits, as far as they are listed.
    pub splits: i64,
    /// Those of them that are read to their end.
    pub splits_done: i64,
    /// What it has offered.
    pub received: i64,
    /// What became records.
    pub admitted: i64,
    /// What repeats a record.
    pub duplicates: i64,
    /// What could not become a record.
    pub dead: i64,
    /// What a rule rejected.
    pub rejected: i64,
    /// What waits for what others say of it.
    pub pending: i64,
    /// Failures one after the other, of the listing or of the split that has the most; 0 once it goes on.
    pub attempts: i32,
    /// What the last of them was.
    pub last_error: Option<String>,
}

from_row!(SourceProgress {
    run_id,
    name,
    listed,
    splits,
    splits_done,
    received,
    admitted,
    duplicates,
    dead,
    rejected,
    pending,
    attempts,
    last_error,
});

impl Ledger {
    /// How far the sources of these runs are, run by run, in the order of the manifest. Runs whose records are generated
    /// have none.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sources_progress(&self, runs: &[i32]) -> Result<Vec<SourceProgress>, StoreError> {
        self.ask(query::sources_progress, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }
}
