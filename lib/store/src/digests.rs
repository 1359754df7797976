//! What keyrings still know of runs that are deleted.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;

impl Ledger {
    /// Forgets the digests of deleted runs whose window has passed. Returns how many that were.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sweep_digests(&self) -> Result<i64, StoreError> {
        self.ask(query::digests_sweep, async |query, connection| query.scalars().fetch_one(connection).await)
            .await
    }
}
