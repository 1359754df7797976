//! The plainest thing that a good engineer would write in Rust: one transaction per batch. It holds the rows of
//! batch and key from before the first signature until all are stored.

mod signer;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool, Row};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

pub use signer::Library;
use signer::Signer;

/// What the worker is told.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// `RS256` or `EdDSA`.
    pub algorithm: String,
    /// Records per batch.
    pub batch: i64,
    /// Batches in hand at once, each on a connection of its own.
    pub concurrency: u32,
}

struct Worker {
    order: Order,
    library: Library,
    pool: PgPool,
    opened: Mutex<HashMap<i32, Arc<Signer>>>,
}

/// Between two looks at a queue in which no batch is free.
const PAUSE: Duration = Duration::from_millis(100);

/// Signs whatever batch is free, for ever.
///
/// # Errors
///
/// The database cannot be had, or a key cannot be used.
pub async fn work(url: &str, library: Library, order: Order) -> anyhow::Result<Infallible> {
    let concurrency = order.concurrency;
    let pool = PgPoolOptions::new().max_connections(concurrency).connect(url).await?;
    let worker = Arc::new(Worker { order, library, pool, opened: Mutex::default() });
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        let worker = Arc::clone(&worker);
        tasks.spawn(async move {
            loop {
                if !worker.sign_batch().await? {
                    sleep(PAUSE).await;
                }
            }
        });
    }
    tasks.join_next().await.context("no batches at once")??
}

impl Worker {
    /// One batch, unless none is free.
    async fn sign_batch(&self) -> anyhow::Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let taken = sqlx::query(include_str!("../../../peers/sql/batch_take.sql"));
        let Some(batch) = taken.fetch_optional(&mut *transaction).await? else { return Ok(false) };
        let batch: i64 = batch.get(0);
        let key = sqlx::query(include_str!("../../../peers/sql/key_take.sql"));
        let key: i32 = key.fetch_optional(&mut *transaction).await?.context("every key is in use")?.get(0);
        let signer = self.open(&mut transaction, key).await?;
        let first = (batch - 1) * self.order.batch + 1;
        let payloads = sqlx::query(include_str!("../../../peers/sql/records_fetch.sql"))
            .bind(first)
            .bind(first + self.order.batch - 1)
            .fetch_all(&mut *transaction)
            .await?;
        let signatures = spawn_blocking(move || {
            payloads.iter().map(|row| signer.sign(row.get(0))).collect::<Result<Vec<_>, _>>()
        });
        sqlx::query(include_str!("../../../peers/sql/batch_store.sql"))
            .bind(first)
            .bind(batch)
            .bind(key)
            .bind(signatures.await??)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(include_str!("../../../peers/sql/batch_close.sql"))
            .bind(batch)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Opening an RSA key costs about as much as two signatures: once is enough.
    async fn open(&self, connection: &mut PgConnection, key: i32) -> anyhow::Result<Arc<Signer>> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = opened().get(&key) {
            return Ok(Arc::clone(signer));
        }
        let material = sqlx::query(include_str!("../../../peers/sql/key_material.sql"));
        let pkcs8: Vec<u8> = material.bind(key).fetch_one(connection).await?.get(0);
        let signer = Arc::new(Signer::open(self.library, &self.order.algorithm, &pkcs8)?);
        opened().insert(key, Arc::clone(&signer));
        Ok(signer)
    }
}
