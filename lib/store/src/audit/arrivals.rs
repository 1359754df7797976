//! The audit's reading of what arrived for a run, and of what its policy said of that.

use futures::{Stream, TryStreamExt};

use super::Reader;
use super::judged::{JudgedRow, RefusedRow};
use super::rows::{ArrivalFault, PAYLOAD_BYTES};
use crate::error::StoreError;
use crate::policy::PolicyText;
use crate::query;
use crate::run::Run;

impl Reader {
    /// At most `limit` faults of each kind among the arrivals of a run with sources.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn arrival_faults(&mut self, run: &Run, limit: i64) -> Result<Vec<ArrivalFault>, StoreError> {
        let mut faults: Vec<ArrivalFault> = query::audit_arrivals
            .rows_as()
            .bind(run.id)
            .bind(run.keyring.id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_arrivals.name, error))?;
        let others: Vec<i32> = query::audit_duplicate_runs
            .scalars()
            .bind(run.id)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_duplicate_runs.name, error))?;
        for other in others {
            let more = query::audit_duplicates.rows_as().bind(run.id).bind(other).bind(limit);
            let more = more.fetch_all(&mut self.connection).await;
            faults.extend(more.map_err(|error| StoreError::of(query::audit_duplicates.name, error))?);
        }
        for query in [query::audit_judged, query::audit_letters] {
            let more = query.rows_as().bind(run.id).bind(limit).fetch_all(&mut self.connection).await;
            faults.extend(more.map_err(|error| StoreError::of(query.name, error))?);
        }
        Ok(faults)
    }

    /// At most `limit` faults of each kind among arrivals that were asked about more often than their policy has it, which lets somebody
    /// be asked again so many times.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn attempt_faults(
        &mut self,
        run: &Run,
        again: i32,
        limit: i64,
    ) -> Result<Vec<ArrivalFault>, StoreError> {
        let faults = query::audit_attempts.rows_as().bind(run.id).bind(again).bind(limit);
        let faults = faults.fetch_all(&mut self.connection).await;
        faults.map_err(|error| StoreError::of(query::audit_attempts.name, error))
    }

    /// What judged the run, if anything did.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn policy(&mut self, run: &Run) -> Result<Option<PolicyText>, StoreError> {
        let policy = query::audit_policy.rows_as().bind(run.id).fetch_optional(&mut self.connection).await;
        policy.map_err(|error| StoreError::of(query::audit_policy.name, error))
    }

    /// Of the records of a run that a policy judged, those whose numbers leave this rest when they are divided by `every`.
    pub fn judged_records(
        &mut self,
        run: &Run,
        every: i64,
        rest: i64,
    ) -> impl Stream<Item = Result<JudgedRow, StoreError>> {
        let rows =
            query::audit_judged_records.rows_as().bind(run.id).bind(every).bind(rest).bind(PAYLOAD_BYTES);
        rows.fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_judged_records.name, error))
    }

    /// Of what a policy refused, about one out of `every`.
    pub fn judged_refusals(
        &mut self,
        run: &Run,
        every: i64,
        rest: i64,
    ) -> impl Stream<Item = Result<RefusedRow, StoreError>> {
        let rows = query::audit_judged_refused.rows_as().bind(run.id).bind(every).bind(rest);
        rows.fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_judged_refused.name, error))
    }

    /// How many arrivals the run says that it has received.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn arrivals_received(&mut self, run: &Run) -> Result<i64, StoreError> {
        let received = query::audit_received.scalars().bind(run.id).fetch_one(&mut self.connection).await;
        received.map_err(|error| StoreError::of(query::audit_received.name, error))
    }
}
