//! Runs that read more than there is room for.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// A run whose sources are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingRun {
    /// The ledger's own number.
    pub id: i32,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why nothing is admitted to it for now.
    pub held: Option<String>,
    /// What it takes of the database, once what it has is signed.
    pub run_bytes: i64,
    /// The same of all runs of its namespace.
    pub namespace_bytes: i64,
}

from_row!(ReadingRun { id, namespace, name, held, run_bytes, namespace_bytes });

impl Ledger {
    /// All of them.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn reading_runs(&self) -> Result<Vec<ReadingRun>, StoreError> {
        self.ask(query::runs_reading, async |query, connection| query.rows_as().fetch_all(connection).await)
            .await
    }

    /// Has nothing admitted to a run with sources, and says why; or, without a reason, lets it go on. Its intakes wait meanwhile.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn hold_intake(&self, run: i32, why: Option<&str>) -> Result<(), StoreError> {
        self.ask(query::intake_hold, async |query, connection| {
            query.rows().bind(run).bind(why).execute(connection).await
        })
        .await
        .map(|_| ())
    }
}
