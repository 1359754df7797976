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

/// A run that has kept bytes of dead letters, or of what was rejected, for as long as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LettersDue {
    /// The run.
    pub run: RunToSweep,
    /// Of how many.
    pub letters: i64,
    /// How many bytes.
    pub bytes: i64,
}

from_row!(LettersDue { run: RunToSweep, letters, bytes });

/// What the ledger keeps beside its runs for longer than it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDue {
    /// Digests of deleted runs.
    pub digests: i64,
    /// Versions of policies that no run names.
    pub policies: i64,
}

from_row!(KeptDue { digests, policies });

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

    /// What [`Ledger::sweep_dead_letters`] would remove now, run by run.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn letters_due(&self) -> Result<Vec<LettersDue>, StoreError> {
        self.ask(query::letters_due, async |query, connection| query.rows_as().fetch_all(connection).await)
            .await
    }

    /// What [`Ledger::sweep_digests`] and [`Ledger::sweep_policies`] would remove now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn kept_due(&self) -> Result<KeptDue, StoreError> {
        self.ask(query::kept_due, async |query, connection| query.rows_as().fetch_one(connection).await).await
    }

    /// Removes versions of policies that no run names. Returns how many that were.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sweep_policies(&self) -> Result<i64, StoreError> {
        self.ask(query::policies_sweep, async |query, connection| query.scalars().fetch_one(connection).await)
            .await
    }
}
