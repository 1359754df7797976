//! The audit's reading of a run: its batches, its records with their signatures, and what has no place in it.

use futures::{Stream, TryFutureExt, TryStreamExt, stream};

use super::beside::Beside;
use super::rows::{AdmissionRow, BatchRow, PAYLOAD_BYTES, RecordRow, Stray, WrittenRow};
use super::{Reader, copied};
use crate::error::StoreError;
use crate::export::SignedLine;
use crate::lease::PART_BYTES;
use crate::query;
use crate::run::Run;

impl Reader {
    /// What the run says of how far its input is; a sound ledger has one such row.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn admissions(&mut self, run: &Run) -> Result<Vec<AdmissionRow>, StoreError> {
        self.of(query::audit_admissions, run.id).try_collect().await
    }

    /// The run's batches from this number on, in order.
    pub fn batches(&mut self, run: &Run, from: i64) -> impl Stream<Item = Result<BatchRow, StoreError>> {
        query::audit_batches
            .rows_as()
            .bind(run.id)
            .bind(from)
            .fetch(&mut self.connection)
            .map_err(|error| StoreError::of(query::audit_batches.name, error))
    }

    /// How many of the run's `records` records the longest block of signatures has.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn longest_block(&mut self, run: &Run, records: i64) -> Result<i64, StoreError> {
        let longest = query::audit_longest_block.scalars().bind(run.id).bind(records);
        let longest = longest.fetch_one(&mut self.connection).await;
        longest.map_err(|error| StoreError::of(query::audit_longest_block.name, error))
    }

    /// The records `first..=last` with their signatures, in order. Of blocks of signatures that have more than `longest_block`
    /// records, some may be left out.
    pub fn records(
        &mut self,
        run: &Run,
        first: i64,
        last: i64,
        longest_block: i64,
    ) -> impl Stream<Item = Result<RecordRow, StoreError>> {
        let run = run.id;
        let beside = async move {
            let blocks = query::audit_blocks
                .rows_as()
                .bind(run)
                .bind(first)
                .bind(last)
                .bind(i64::try_from(PART_BYTES).unwrap_or(i64::MAX))
                .bind(longest_block)
                .fetch_all(&mut self.connection)
                .await
                .map_err(|error| StoreError::of(query::audit_blocks.name, error))?;
            let numbers = [run.into(), first, last, PAYLOAD_BYTES.into()];
            let payloads = copied::payloads(&mut self.connection, query::audit_payloads, &numbers).await?;
            let beside = Beside::new(Box::pin(payloads), blocks, (first, last));
            Ok(stream::try_unfold(beside, async |mut beside| {
                Ok(beside.row().await?.map(|row| (row, beside)))
            }))
        };
        beside.try_flatten_stream()
    }

    /// What the records `first..=last` and their signatures are stored as, without reading any of them. Of blocks of signatures that
    /// have more than `longest_block` records, some may be left out.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn written(
        &mut self,
        run: &Run,
        first: i64,
        last: i64,
        longest_block: i64,
    ) -> Result<Vec<WrittenRow>, StoreError> {
        let written = query::audit_written.rows_as().bind(run.id).bind(first).bind(last).bind(longest_block);
        let written = written.fetch_all(&mut self.connection).await;
        written.map_err(|error| StoreError::of(query::audit_written.name, error))
    }

    /// At most `limit` rows of each kind that have no place in the run, which has `records` records in the
    /// batches up to `last_batch`.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn strays(
        &mut self,
        run: &Run,
        records: i64,
        last_batch: i64,
        limit: i64,
    ) -> Result<Vec<Stray>, StoreError> {
        query::audit_run_strays
            .rows_as()
            .bind(run.id)
            .bind(records)
            .bind(last_batch)
            .bind(run.sealed)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| StoreError::of(query::audit_run_strays.name, error))
    }

    /// The records of the run that are signed, with their signatures, in order.
    pub fn signed(&mut self, run: &Run) -> impl Stream<Item = Result<SignedLine, StoreError>> {
        self.of(query::export_signed, run.id)
    }
}
