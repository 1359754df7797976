//! Making the keys of a ring, by the signers of its runs.

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::SignerSession;
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::keyring::NewKey;
use crate::query;

/// The most numbers that [`SignerSession::missing_keys`] tells.
pub const MISSING_AT_ONCE: usize = 256;

/// Which keys a signer may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingKeys {
    /// Some of the numbers that the ring lacks, at least one.
    Numbers(Vec<i32>),
    /// The ring has all its keys.
    Filled,
    /// Nobody makes keys for the run now: it is suspended, complete or gone. Asking for a lease tells which.
    NotNow,
}

/// What became of a key that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the ring.
    Added,
    /// Another signer was first to make the key of this number, or the ring is filled by now.
    Taken,
    /// Nobody makes keys for the run any more: see [`MissingKeys::NotNow`].
    NotNow,
}

impl SignerSession {
    /// Numbers of keys that the ring lacks: from the one after `after` on, and round to it again. No more than `most`, and
    /// than [`MISSING_AT_ONCE`].
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn missing_keys(&mut self, after: u16, most: usize) -> Result<MissingKeys, StoreError> {
        let most = i32::try_from(most.clamp(1, MISSING_AT_ONCE)).unwrap_or(1);
        let statement =
            query::keys_missing.rows().bind(self.run.id).bind(self.run.uid).bind(i32::from(after)).bind(most);
        let asked =
            answered(query::keys_missing.name, SHORT, statement.fetch_one(&mut self.connection)).await;
        let row: PgRow = self.unless_gone(asked).await?;
        match row.get::<&str, _>("answer") {
            "missing" => Ok(MissingKeys::Numbers(row.get("numbers"))),
            "filled" => Ok(MissingKeys::Filled),
            "suspended" | "deleted" | "complete" | "unknown" => Ok(MissingKeys::NotNow),
            other => Err(StoreError::Corrupt(format!("keys_missing answered {other:?}"))),
        }
    }

    /// Adds a key to the ring of the run, in a turn of the ring.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses. After a transient error it is not known whether the key is in the ring;
    /// [`SignerSession::missing_keys`] knows.
    pub async fn add_key(&mut self, key: &NewKey) -> Result<Added, StoreError> {
        let statement = query::key_add
            .scalars::<String>()
            .bind(self.run.id)
            .bind(self.run.uid)
            .bind(key.id)
            .bind(key.number)
            .bind(&key.public_key)
            .bind(&key.wrapped_key);
        let added = answered(query::key_add.name, SHORT, statement.fetch_one(&mut self.connection)).await;
        match self.unless_gone(added).await?.as_str() {
            "added" => Ok(Added::Added),
            "taken" | "filled" => Ok(Added::Taken),
            "suspended" | "deleted" | "complete" | "unknown" => Ok(Added::NotNow),
            other => Err(StoreError::Corrupt(format!("key_add answered {other:?}"))),
        }
    }
}
