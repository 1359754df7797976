//! How far runs are, for whoever watches them.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The ledger's own number of the run.
    pub id: i32,
    /// What its sources offered so far; of generated records, those that are made.
    pub received: i64,
    /// Became records.
    pub admitted: i64,
    /// Repeat a record of the ring.
    pub duplicates: i64,
    /// Could not become records.
    pub dead: i64,
    /// Were kept out by the run's policy.
    pub rejected: i64,
    /// Records that are signed.
    pub signed: i64,
    /// Whether nothing is taken in or signed for now.
    pub suspended: bool,
    /// Whether it has all its records.
    pub sealed: bool,
    /// Whether all is signed.
    pub complete: bool,
}

from_row!(Standing {
    id,
    received,
    admitted,
    duplicates,
    dead,
    rejected,
    signed,
    suspended,
    sealed,
    complete
});

impl Ledger {
    /// How far each of these runs is, in one query. Runs that are gone, or being deleted, are left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn standing(&self, runs: &[i32]) -> Result<Vec<Standing>, StoreError> {
        self.ask(query::runs_standing, async |query, connection| {
            query.rows_as().bind(runs).fetch_all(connection).await
        })
        .await
    }
}
