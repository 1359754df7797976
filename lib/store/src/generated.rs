//! The generated source: random records, made by the database. Every call can be made again, by any number of
//! callers, at any time.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// Bytes of payload that one transaction writes at the most.
const CHUNK_BYTES: i64 = 4 << 20;

/// Records that one transaction writes at the most. Signers wait for the first of them; more of them would save next to nothing.
const CHUNK_RECORDS: i64 = 2_000;

/// A source of random records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedSource {
    /// Records that it makes.
    pub record_count: i64,
    /// Bytes per record.
    pub record_size: i32,
    /// Records per transaction.
    pub chunk_size: i64,
}

from_row!(GeneratedSource { record_count, record_size, chunk_size });

impl GeneratedSource {
    /// How many records of this size one transaction makes.
    pub(crate) fn chunk_for(record_size: i32) -> i64 {
        (CHUNK_BYTES / i64::from(record_size.max(1))).clamp(1, CHUNK_RECORDS)
    }

    /// How many records a chunk has, 1 being the first chunk.
    #[must_use]
    pub fn records_in(&self, chunk: i64) -> i64 {
        self.chunk_size.min(self.record_count - (chunk - 1) * self.chunk_size).max(0)
    }
}

impl Ledger {
    /// At most `limit` chunks, from `least` on, that have not been made yet.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn missing_chunks(&self, run: &Run, least: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
        self.ask(query::generated_chunks_missing, async |query, connection| {
            query.scalars().bind(run.id).bind(least).bind(limit).fetch_all(connection).await
        })
        .await
    }

    /// Makes one chunk in one transaction, on the server. False when it had been made before.
    ///
    /// # Errors
    ///
    /// A database that is away, full, or refuses.
    pub async fn generate_chunk(&self, run: &Run, chunk: i64) -> Result<bool, StoreError> {
        self.ask(query::records_generate, async |query, connection| {
            query.scalars().bind(run.id).bind(chunk).fetch_one(connection).await
        })
        .await
    }

    /// Records that have been made so far.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn generated_records(&self, run: &Run) -> Result<i64, StoreError> {
        self.ask(query::generated_records, async |query, connection| {
            query.scalars().bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// Seals the run, if its source has given all its records: the last batch is closed, and the number of records
    /// is fixed. True when it is, or was, sealed.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn seal(&self, run: &Run) -> Result<bool, StoreError> {
        self.ask(query::run_seal, async |query, connection| {
            query.scalars().bind(run.id).fetch_one(connection).await
        })
        .await
    }
}
