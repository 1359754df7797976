//! The audit's reading of a ring: its keys, its lease log, its runs, and what has no place in them.

use futures::{Stream, TryStreamExt};

use super::Reader;
use super::rows::{KeyRow, LeaseRow, ReleaseRow, Stray};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::query;
use crate::row::from_row;

/// A run of a ring.
#[derive(Clone, Debug)]
pub struct RunOfKeyring {
    /// The ledger's own number of the run.
    pub id: i32,
    /// The run, as `NAMESPACE/NAME`.
    pub name: String,
}

from_row!(RunOfKeyring { id, name });

impl Reader {
    /// At most `limit` rows of each kind that have no place in the ring, its log, or any ring.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keyring_strays(&mut self, keyring: &Keyring, limit: i64) -> Result<Vec<Stray>, StoreError> {
        query::audit_keyring_strays
            .rows_as()
            .bind(keyring.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_keyring_strays.name, error))
    }

    /// The runs of the ring that have their tables, in the order of their ids.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn runs(&mut self, keyring: &Keyring) -> Result<Vec<RunOfKeyring>, StoreError> {
        self.of(query::audit_keyring_runs, keyring.id).try_collect().await
    }

    /// At most `limit` batches of the run under a lease that is in no log.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn leaseless_batches(
        &mut self,
        run: &RunOfKeyring,
        limit: i64,
    ) -> Result<Vec<Stray>, StoreError> {
        query::audit_run_leaseless_batches
            .rows_as()
            .bind(run.id)
            .bind(&run.name)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_run_leaseless_batches.name, error))
    }

    /// The keys of the ring, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keys(&mut self, keyring: &Keyring) -> Result<Vec<KeyRow>, StoreError> {
        self.of(query::audit_keys, keyring.id).try_collect().await
    }

    /// The ring's lease log in the order of the leases.
    pub fn acquisitions(&mut self, keyring: &Keyring) -> impl Stream<Item = Result<LeaseRow, StoreError>> {
        self.of(query::audit_lease_acquisitions, keyring.id)
    }

    /// The ring's lease log in the order in which keys went back.
    pub fn releases(&mut self, keyring: &Keyring) -> impl Stream<Item = Result<ReleaseRow, StoreError>> {
        self.of(query::audit_lease_releases, keyring.id)
    }
}
