//! Data keys of keyrings, as they are wrapped. Only the ledger's owner reads them.

use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::query;
use crate::row::from_row;

/// The identity and the data key of a keyring, if one is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDataKey {
    /// The ring's identity, which the wrapping is bound to.
    pub keyring_uid: Uuid,
    /// Tells which data key it is.
    pub fingerprint: String,
    /// Tells which KEK wrapped it.
    pub kek_fingerprint: String,
    /// The data key, wrapped.
    pub wrapped: Vec<u8>,
}

/// The data key of a keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDataKey {
    /// The ledger's own number of the ring.
    pub keyring: i32,
    /// The ring's identity, which the wrapping is bound to.
    pub keyring_uid: Uuid,
    /// Tells which data key it is.
    pub fingerprint: String,
    /// Tells which KEK wrapped it.
    pub kek_fingerprint: String,
    /// The data key, wrapped.
    pub wrapped: Vec<u8>,
}

from_row!(StoredDataKey { keyring: "keyring_id", keyring_uid, fingerprint, kek_fingerprint, wrapped });

/// How many keyrings have a data key that one KEK has wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedBy {
    /// Tells which KEK.
    pub kek_fingerprint: String,
    /// Keyrings.
    pub keyrings: i64,
}

from_row!(WrappedBy { kek_fingerprint, keyrings });

impl Ledger {
    /// The data key of a keyring.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when somebody has removed it, [`StoreError::NoKeyring`] when the ring is gone.
    pub async fn data_key(&self, keyring: &Keyring) -> Result<StoredDataKey, StoreError> {
        let found = self
            .ask(query::data_key_find, async |query, connection| {
                query.rows_as().bind(keyring.id).fetch_optional(connection).await
            })
            .await?;
        found.ok_or_else(|| {
            StoreError::Corrupt(format!(
                "the keyring {} has no data key: it is gone, or somebody changed the ledger by hand; restore a backup",
                keyring.full_name()
            ))
        })
    }

    /// At most `most` data keys that another KEK has wrapped than the one with this fingerprint, in the order of their
    /// rings, those after the ring `after`.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn data_keys_left(
        &self,
        kek_fingerprint: &str,
        after: i32,
        most: i64,
    ) -> Result<Vec<StoredDataKey>, StoreError> {
        self.ask(query::data_keys_left, async |query, connection| {
            query.rows_as().bind(kek_fingerprint).bind(after).bind(most).fetch_all(connection).await
        })
        .await
    }

    /// How many keyrings have a data key that each KEK has wrapped.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn data_keys_by_kek(&self) -> Result<Vec<WrappedBy>, StoreError> {
        self.ask(query::data_keys_count, async |query, connection| {
            query.rows_as().fetch_all(connection).await
        })
        .await
    }

    /// Puts a data key as it is wrapped now in place of what was read of it. False when somebody else was first, or the ring
    /// is gone.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn rewrap_data_key(
        &self,
        read: &StoredDataKey,
        wrapped: &[u8],
        kek_fingerprint: &str,
    ) -> Result<bool, StoreError> {
        self.ask(query::data_key_rewrap, async |query, connection| {
            let query = query.rows().bind(read.keyring).bind(&read.wrapped);
            query.bind(wrapped).bind(kek_fingerprint).execute(connection).await
        })
        .await
        .map(|done| done.rows_affected() > 0)
    }
}
