//! The run of a signer.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::row::from_row;
use crate::{identity, query};

/// The run that a signer signs, as far as signers may know it.
#[derive(Clone, Debug)]
pub struct SignerRun {
    /// The ledger's own number of the run.
    pub id: i32,
    /// The run's identity: one that is made anew under its name has another.
    pub uid: Uuid,
    /// The ledger's identity: one that is made anew in its place has another.
    pub ledger_uid: Uuid,
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// The keyring's identity, bound into each of its wrapped keys.
    pub keyring_uid: Uuid,
    /// JOSE name of the keyring's algorithm.
    pub algorithm: String,
    /// Modulus bits of RSA keys; none for the others.
    pub key_size: Option<i32>,
    /// What is signed around a payload.
    pub envelope: String,
    /// Of what type what is in the envelope is, if the envelope says so.
    pub content_type: Option<String>,
    /// Whether the ring had all its keys when the run was looked for.
    pub filled: bool,
    /// Tells which data key wraps the ring's private keys.
    pub data_key_fingerprint: String,
    /// Whether the run is being deleted.
    pub deleted: bool,
}

from_row!(SignerRun {
    id,
    uid,
    ledger_uid,
    namespace,
    name,
    keyring_uid,
    algorithm,
    key_size,
    envelope,
    content_type,
    filled,
    data_key_fingerprint,
    deleted
});

impl SignerRun {
    pub(crate) async fn find(
        connection: &mut PgConnection,
        namespace: &str,
        name: &str,
    ) -> Result<Self, StoreError> {
        let statement = query::signer_run.rows_as().bind(namespace).bind(name);
        answered(query::signer_run.name, SHORT, statement.fetch_optional(connection))
            .await?
            .ok_or_else(|| StoreError::NoRun(format!("{namespace}/{name}")))
    }

    /// Makes sure that the ledger is the one in which this run was found, and still has this very run.
    pub(super) async fn is_still_there(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        identity::compare(self.ledger_uid, connection).await?;
        let found = Self::find(connection, &self.namespace, &self.name).await?;
        if found.uid == self.uid && !found.deleted {
            Ok(())
        } else {
            // Another run may have the name by now.
            Err(StoreError::NoRun(format!("{}/{}", self.namespace, self.name)))
        }
    }
}
