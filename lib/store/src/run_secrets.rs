//! The names of the Secrets that signers, intakes and deliveries on a cluster are given. Whoever makes them may not read them.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::logins::Work;
use crate::query;
use crate::run::Run;

/// The Secret of a run's signers, of its intake or of its delivery, as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSecret {
    /// The uid of the object that it belongs to.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Tells whether what is in it is still right.
    pub content: String,
    /// Whether it was made for certain; else it may or may not be there.
    pub made: bool,
}

impl Ledger {
    /// Names the Secret that is about to be made, in place of the one that is named `before`. False when another caller has
    /// named one meanwhile, or the run is gone: then nothing may be made.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn plan_secret(
        &self,
        run: &Run,
        work: Work,
        before: Option<&str>,
        owner: &str,
        name: &str,
        content: &str,
    ) -> Result<bool, StoreError> {
        self.ask(query::run_secret_plan, async |query, connection| {
            let query = query.rows().bind(run.id).bind(work.name()).bind(owner).bind(before);
            query.bind(name).bind(content).execute(connection).await
        })
        .await
        .map(|done| done.rows_affected() > 0)
    }

    /// Remembers that the Secret of this name was made. False when another one is named by now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn secret_is_made(&self, run: &Run, work: Work, name: &str) -> Result<bool, StoreError> {
        self.ask(query::run_secret_made, async |query, connection| {
            query.rows().bind(run.id).bind(work.name()).bind(name).execute(connection).await
        })
        .await
        .map(|done| done.rows_affected() > 0)
    }
}
