//! The audit's reading of what sinks have of a run, and of the events that are told of it.

use futures::{Stream, TryStreamExt};

use super::Reader;
use super::rows::{DeliveredRow, DeliveryFault, ManifestRow};
use crate::delivery::BatchOfManifest;
use crate::error::StoreError;
use crate::query;
use crate::run::Run;

impl Reader {
    /// How many deliveries the run has, of all its sinks.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn deliveries(&mut self, run: &Run) -> Result<i64, StoreError> {
        let count =
            query::audit_deliveries_count.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        count.map_err(|error| StoreError::of(query::audit_deliveries_count.name, error))
    }

    /// What sinks have of the run of which the content follows from the batch, in the order of batches.
    pub fn delivered(&mut self, run: &Run) -> impl Stream<Item = Result<DeliveredRow, StoreError>> {
        self.of(query::audit_delivered, run.id)
    }

    /// The manifests that sinks of the run have.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn manifests(&mut self, run: &Run) -> Result<Vec<ManifestRow>, StoreError> {
        self.of(query::audit_manifests, run.id).try_collect().await
    }

    /// What became of the batches of the run at a sink, in order.
    pub fn manifest_batches(
        &mut self,
        run: &Run,
        sink: i32,
    ) -> impl Stream<Item = Result<BatchOfManifest, StoreError>> {
        query::audit_manifest_batches
            .rows_as()
            .bind(run.id)
            .bind(sink)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_manifest_batches.name, error))
    }

    /// What does not add up among the deliveries of the run, at most `limit` of a kind.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn delivery_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<DeliveryFault>, StoreError> {
        query::audit_deliveries
            .rows_as()
            .bind(run.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_deliveries.name, error))
    }

    /// How many events the run has, of all its notifications.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn events(&mut self, run: &Run) -> Result<i64, StoreError> {
        let count = query::audit_events_count.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        count.map_err(|error| StoreError::of(query::audit_events_count.name, error))
    }

    /// What does not add up among the events of the run, at most `limit` of a kind.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn event_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<DeliveryFault>, StoreError> {
        query::audit_events
            .rows_as()
            .bind(run.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_events.name, error))
    }
}
