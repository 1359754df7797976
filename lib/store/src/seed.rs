//! Filling a run with keys and records. Every call can be made again, by anybody, at any time.

use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::run::Run;

/// A fresh key, ready to be stored: its private part is wrapped.
#[derive(Debug)]
pub struct NewKey {
    /// The key's id.
    pub id: Uuid,
    /// Its number in the ring, 1..=K.
    pub number: i32,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// The wrapped private key.
    pub wrapped_key: Vec<u8>,
}

impl Ledger {
    /// The numbers of the keys that the run's ring still lacks.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn missing_keys(&self, run: &Run) -> Result<Vec<i32>, StoreError> {
        self.ask("keys_missing", async |connection| {
            sqlx::query_scalar(query::keys_missing)
                .bind(run.keyring_id)
                .bind(run.key_count)
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// Stores a key, unless its number has been taken by another seeder. True when it was stored.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn insert_key(&self, run: &Run, key: &NewKey) -> Result<bool, StoreError> {
        self.ask("key_insert", async |connection| {
            sqlx::query(query::key_insert)
                .bind(key.id)
                .bind(run.keyring_id)
                .bind(key.number)
                .bind(&run.algorithm)
                .bind(&key.public_key)
                .bind(&key.wrapped_key)
                .execute(connection)
                .await
        })
        .await
        .map(|done| done.rows_affected() == 1)
    }

    /// At most `limit` chunks, from `least` on, that have not been seeded yet.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn missing_chunks(&self, run: &Run, least: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
        self.ask("run_missing_chunks", async |connection| {
            sqlx::query_scalar(query::run_missing_chunks)
                .bind(run.id)
                .bind(least)
                .bind(limit)
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// Seeds one chunk in one transaction, on the server. False when it had been seeded before.
    ///
    /// # Errors
    ///
    /// A database that is away, full, or refuses.
    pub async fn seed_chunk(&self, run: &Run, chunk: i64) -> Result<bool, StoreError> {
        self.ask("run_seed_chunk", async |connection| {
            sqlx::query_scalar(query::run_seed_chunk).bind(run.id).bind(chunk).fetch_one(connection).await
        })
        .await
    }

    /// Records that have been seeded so far.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn seeded_records(&self, run: &Run) -> Result<i64, StoreError> {
        self.ask("run_seeded_records", async |connection| {
            sqlx::query_scalar(query::run_seeded_records).bind(run.id).fetch_one(connection).await
        })
        .await
    }

    /// Marks the run as seeded, if every key and every chunk is there. True when it is, or was, marked.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn mark_seeded(&self, run: &Run) -> Result<bool, StoreError> {
        self.ask("run_mark_seeded", async |connection| {
            sqlx::query_scalar(query::run_mark_seeded).bind(run.id).fetch_one(connection).await
        })
        .await
    }
}
