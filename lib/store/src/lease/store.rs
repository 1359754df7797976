//! Storing the signatures of a lease's batch.

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::{Lease, Library, PART_BYTES, SignerSession};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::error::codes::LEASE_LOST;
use crate::query;

/// How long one statement that stores signatures may take, transfer included, before the connection is given up.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

impl SignerSession {
    /// Stores all signatures of a lease's batch, in the order of its records, which `library` made, and closes the lease:
    /// all or nothing, in one transaction of statements of at most `bytes` (no more than [`PART_BYTES`]), but at
    /// least one signature, each.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, [`StoreError::NoRun`] when the run was
    /// deleted: nothing was stored. After a transient error it is not known whether the batch was stored; the
    /// ledger knows.
    pub async fn store_in_parts(
        &mut self,
        lease: &Lease,
        signatures: &[&[u8]],
        library: Library,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let stored = match self.store_all(lease, signatures, library, bytes).await {
            Err(error) if error.is_refusal(LEASE_LOST) => Err(StoreError::LeaseLost(lease.id)),
            other => other,
        };
        self.unless_gone(stored).await
    }

    /// [`SignerSession::store_in_parts`] of signatures that `aws-lc-rs` made, in parts as large as they may be.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn store(&mut self, lease: &Lease, signatures: &[&[u8]]) -> Result<(), StoreError> {
        self.store_in_parts(lease, signatures, Library::AwsLcRs, PART_BYTES).await
    }

    async fn store_all(
        &mut self,
        lease: &Lease,
        signatures: &[&[u8]],
        library: Library,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let signature_len = signatures.first().map_or(1, |signature| signature.len().max(1));
        let in_part = (bytes.min(PART_BYTES) / signature_len).max(1);
        if signatures.len() <= in_part {
            let part = Part { first: lease.first_record, signatures, is_last: true };
            return store_part(&mut self.connection, lease, &part, library).await;
        }
        // Storing takes long: it begins with a whole lease duration ahead of it. From its first part on
        // it holds the lease's row, so that nobody takes the batch over.
        if self.renew(lease).await?.is_none() {
            return Err(StoreError::LeaseLost(lease.id));
        }
        let mut transaction = answered("the store's transaction", SHORT, self.connection.begin()).await?;
        let mut first = lease.first_record;
        let mut parts = signatures.chunks(in_part).peekable();
        while let Some(part) = parts.next() {
            let part = Part { first, signatures: part, is_last: parts.peek().is_none() };
            store_part(&mut transaction, lease, &part, library).await?;
            first = first.saturating_add_unsigned(part.signatures.len() as u64);
        }
        answered("the store's commit", STORE_TIMEOUT, transaction.commit()).await
    }
}

/// What one statement stores.
struct Part<'a> {
    /// The record of the first signature.
    first: i64,
    signatures: &'a [&'a [u8]],
    /// Whether it is the last of its batch.
    is_last: bool,
}

async fn store_part(
    connection: &mut PgConnection,
    lease: &Lease,
    part: &Part<'_>,
    library: Library,
) -> Result<(), StoreError> {
    let statement = query::batch_store
        .rows()
        .bind(lease.id)
        .bind(lease.token.as_bytes())
        .bind(part.first)
        .bind(part.signatures)
        .bind(part.is_last)
        .bind(library.name());
    answered(query::batch_store.name, STORE_TIMEOUT, statement.execute(connection)).await.map(|_| ())
}
