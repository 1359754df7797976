//! The run of a signer.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// The run that a signer signs, as far as signers may know it.
#[derive(Clone, Debug)]
pub struct SignerRun {
    /// The ledger's own number of the run.
    pub id: i32,
    /// Namespace of the run's name.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// The keyring's identity, bound into each of its wrapped keys.
    pub keyring_uid: Uuid,
    /// JOSE name of the keyring's algorithm.
    pub algorithm: String,
    /// Tells which KEK wraps the ring's keys.
    pub kek_fingerprint: String,
    /// Whether the run is being deleted.
    pub deleted: bool,
}

from_row!(SignerRun { id, namespace, name, keyring_uid, algorithm, kek_fingerprint, deleted });

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
}
