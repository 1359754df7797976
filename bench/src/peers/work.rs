//! What is to be signed.

use chancery_keyring::Algorithm;
use sqlx::{Connection, PgConnection};

use super::keys::new_key;
use super::server::Server;

/// The same for Chancery and its peers.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// RS256 with 2,048 bits, or EdDSA.
    pub algorithm: Algorithm,
    /// Of 256 bytes each.
    pub records: u64,
    /// In the ring.
    pub keys: u32,
    /// Records per batch.
    pub batch: u64,
}

impl Work {
    /// The last may be smaller than the others.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.records.div_ceil(self.batch)
    }

    /// As much work as takes so many seconds at so many records per second: whole batches, at least one and at
    /// most what there is.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below 2^53")]
    pub fn lasting(self, seconds: f64, rate: f64) -> Self {
        let batches = (seconds * rate / self.batch as f64).ceil() as u64;
        Self { records: (batches.max(1) * self.batch).min(self.records), ..self }
    }
}

/// A database with records and keys, which nobody changes: trials get copies.
#[derive(Debug)]
pub struct Template {
    name: String,
    /// All that there is: a trial may do less.
    pub work: Work,
}

impl Template {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// The server is not there, or has one for this algorithm already.
    pub async fn seed(server: &Server, work: Work) -> anyhow::Result<Self> {
        let name = format!("template_{}", work.algorithm.name().to_lowercase());
        let mut connection = PgConnection::connect(&server.create(&name, None).await?).await?;
        sqlx::raw_sql(include_str!("../../peers/sql/schema.sql")).execute(&mut connection).await?;
        sqlx::query(include_str!("../../peers/sql/records_seed.sql"))
            .bind(i64::try_from(work.records)?)
            .execute(&mut connection)
            .await?;
        for id in 1..=i32::try_from(work.keys)? {
            let (pkcs8, public_key) = new_key(work.algorithm)?;
            sqlx::query("INSERT INTO work.keys (id) VALUES ($1)").bind(id).execute(&mut connection).await?;
            sqlx::query("INSERT INTO work.key_material (key, pkcs8, public_key) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(pkcs8)
                .bind(public_key)
                .execute(&mut connection)
                .await?;
        }
        // As autovacuum would have done by the time that such tables are used.
        sqlx::raw_sql("VACUUM (FREEZE, ANALYZE)").execute(&mut connection).await?;
        connection.close().await?;
        Ok(Self { name, work })
    }

    /// A copy under another name; its address.
    ///
    /// # Errors
    ///
    /// As for [`Server::create`].
    pub async fn copy(&self, server: &Server, name: &str) -> anyhow::Result<String> {
        server.create(name, Some(&self.name)).await
    }
}
