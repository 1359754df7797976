//! What could not become a record: how many of it a run may have, and for how long its bytes are kept.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::input::DeadLetter;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// The name of a run that has dead letters whose bytes may have been kept for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunToSweep {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

from_row!(RunToSweep { namespace, name });

impl Ledger {
    /// Sets what happens to a run's dead letters. One that has no more of them than it now may have goes on.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn set_dead_letter(&self, run: &Run, dead_letter: DeadLetter) -> Result<(), StoreError> {
        let DeadLetter { limit, retention } = dead_letter;
        self.ask(query::dead_letter_set, async |query, connection| {
            query.rows().bind(run.id).bind(limit).bind(retention.as_secs_f64()).execute(connection).await
        })
        .await
        .map(|_| ())
    }

    /// Removes the bytes of dead letters that have been kept for as long as the run says, of so many at the most. Returns
    /// how many that were: with fewer, nothing is due any more.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sweep_dead_letters(&self, run: &Run, most: i64) -> Result<i64, StoreError> {
        self.ask(query::dead_letters_sweep, async |query, connection| {
            query.scalars().bind(run.id).bind(most).fetch_one(connection).await
        })
        .await
    }

    /// Runs in which something may be due, so many at the most.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn runs_to_sweep(&self, most: i64) -> Result<Vec<RunToSweep>, StoreError> {
        self.ask(query::runs_to_sweep, async |query, connection| {
            query.rows_as().bind(most).fetch_all(connection).await
        })
        .await
    }
}
