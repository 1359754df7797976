//! Keyrings: finding, changing and deleting. A ring with a name outlives the runs that sign with it.

use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::owner::KeyringOwner;
use crate::query;
use crate::row::from_row;

/// Leases that one statement removes from a ring's log at the most: the ring's signers wait for it.
const FORGOTTEN_AT_ONCE: i64 = 10_000;

/// A keyring as it stands in the ledger.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The ledger's own number of the ring.
    pub id: i32,
    /// The ring's identity, bound into each of its wrapped keys.
    pub uid: Uuid,
    /// Namespace of the ring.
    pub namespace: String,
    /// Name, unique in its namespace; none for the ring of a run that names none.
    pub name: Option<String>,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys; none for the others.
    pub key_size: Option<i32>,
    /// Keys that the ring is filled with, K.
    pub key_count: i32,
    /// Where the private keys are: `Local` is wrapped in the ledger.
    pub provider: String,
    /// What is signed around a payload: `Raw` is nothing.
    pub envelope: String,
    /// Of what type what is in the envelope is, if the envelope says so.
    pub content_type: Option<String>,
    /// Tells which data key wraps the ring's private keys.
    pub data_key_fingerprint: String,
    /// The log of leases begins after this use sequence.
    pub forgotten_use: i64,
    /// Whether every key is there.
    pub filled: bool,
    /// Whose it is.
    pub owner: KeyringOwner,
}

from_row!(Keyring {
    id: "keyring_id",
    uid: "keyring_uid",
    namespace: "keyring_namespace",
    name: "keyring_name",
    algorithm,
    key_size,
    key_count,
    provider,
    envelope,
    content_type,
    data_key_fingerprint,
    forgotten_use,
    filled,
    owner: KeyringOwner
});

impl Keyring {
    /// `NAMESPACE/NAME`, or the namespace alone for a ring without a name.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.namespace),
            None => self.namespace.clone(),
        }
    }
}

/// A keyring in a list.
#[derive(Clone, Debug)]
pub struct KeyringLine {
    /// Namespace of the ring.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys.
    pub key_size: Option<i32>,
    /// Keys that the ring is filled with.
    pub key_count: i32,
    /// Uid of its namespace; nil for `chancery run`, none for a ring of the time before this was kept.
    pub namespace_uid: Option<Uuid>,
    /// Uid of the object whose run made it, or took it over.
    pub object_uid: Uuid,
    /// Uid of the object that it was taken over from.
    pub adopted_from: Option<Uuid>,
    /// Keys that may be chosen.
    pub keys_active: i64,
    /// Runs in the ledger that sign with it.
    pub runs: i64,
    /// Use sequence of its newest lease: how often its keys were leased.
    pub last_use: i64,
}

from_row!(KeyringLine {
    namespace,
    name,
    algorithm,
    key_size,
    key_count,
    namespace_uid,
    object_uid,
    adopted_from,
    keys_active,
    runs,
    last_use
});

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
    /// Finds a keyring by its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeyring`] when there is none.
    pub async fn find_keyring(&self, namespace: &str, name: &str) -> Result<Keyring, StoreError> {
        self.ask(query::keyring_find, async |query, connection| {
            query.rows_as().bind(namespace).bind(name).fetch_optional(connection).await
        })
        .await?
        .ok_or_else(|| StoreError::NoKeyring(format!("{namespace}/{name}")))
    }

    /// The keyrings that have a name, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn list_keyrings(&self) -> Result<Vec<KeyringLine>, StoreError> {
        self.ask(query::keyring_list, async |query, connection| query.rows_as().fetch_all(connection).await)
            .await
    }

    /// Deletes a keyring with its keys and the log of their leases.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeyring`] when there is none, [`StoreError::KeyringInUse`] while it has runs.
    pub async fn delete_keyring(&self, namespace: &str, name: &str) -> Result<(), StoreError> {
        let found = self.find_keyring(namespace, name).await;
        let runs: Option<i64> = self
            .ask(query::keyring_delete, async |query, connection| {
                query.scalars().bind(namespace).bind(name).fetch_one(connection).await
            })
            .await?;
        let keyring = format!("{namespace}/{name}");
        match runs {
            None => Err(StoreError::NoKeyring(keyring)),
            Some(0) => match found {
                Ok(ring) => self.drop_digests(&ring).await,
                Err(StoreError::NoKeyring(_)) => Ok(()),
                Err(error) => Err(error),
            },
            Some(runs) => Err(StoreError::KeyringInUse { keyring, runs }),
        }
    }

    /// Adds a key to the ring by the owner's hand, unless its number has been taken by another caller. True when it was
    /// added. Signers fill rings, by [`crate::SignerSession::add_key`]; this adds to one that may be filled.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn join_key(&self, keyring: &Keyring, key: &NewKey) -> Result<bool, StoreError> {
        self.ask(query::key_join, async |query, connection| {
            query
                .scalars()
                .bind(keyring.id)
                .bind(key.id)
                .bind(key.number)
                .bind(&key.public_key)
                .bind(&key.wrapped_key)
                .fetch_one(connection)
                .await
        })
        .await
    }

    /// Takes a key out of its ring: it is not chosen any more. False when it is not an active key.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn retire_key(&self, key: Uuid) -> Result<bool, StoreError> {
        self.ask(query::key_retire, async |query, connection| {
            query.scalars().bind(key).fetch_one(connection).await
        })
        .await
    }

    /// Removes the beginning of the ring's log that nobody needs any more: what is older than every key's last use
    /// and every open lease, and belongs to no run in the ledger.
    pub(crate) async fn forget_leases(&self, keyring: &Keyring) -> Result<(), StoreError> {
        loop {
            let forgotten: i64 = self
                .ask(query::keyring_forget, async |query, connection| {
                    query.scalars().bind(keyring.id).bind(FORGOTTEN_AT_ONCE).fetch_one(connection).await
                })
                .await?;
            if forgotten < FORGOTTEN_AT_ONCE {
                return Ok(());
            }
        }
    }
}
