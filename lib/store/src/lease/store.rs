//! Storing the signatures of a lease's batch.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{Lease, Library, PART_BYTES, Payloads, SignerSession};
use crate::answer::{SHORT, answered};
use crate::error::StoreError;
use crate::error::codes::LEASE_LOST;
use crate::query;

/// How long one statement that stores signatures may take, transfer included, before the connection is given up.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// Signatures of consecutive records, end to end.
#[derive(Clone, Copy, Debug)]
pub struct EndToEnd<'a> {
    /// All of them.
    pub bytes: &'a [u8],
    /// Bytes of each, at least one.
    pub each: usize,
    /// What made them.
    pub library: Library,
}

impl EndToEnd<'_> {
    fn len(self) -> usize {
        self.bytes.len() / self.each.max(1)
    }

    /// The same in parts of so many bytes, but at least one signature, each. At least one part.
    fn parts(self, bytes: usize) -> impl Iterator<Item = Self> {
        let in_part = (bytes / self.each.max(1)).max(1).saturating_mul(self.each.max(1));
        let none = self.bytes.is_empty().then_some(self);
        none.into_iter().chain(self.bytes.chunks(in_part).map(move |bytes| Self { bytes, ..self }))
    }
}

impl SignerSession {
    /// Stores all signatures of a lease's batch, in the order of its records, and closes the lease: all or nothing, in one
    /// transaction of statements of at most `bytes` (no more than [`PART_BYTES`]), but at least one signature, each.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, [`StoreError::NoRun`] when the run was
    /// deleted: nothing was stored. After a transient error it is not known whether the batch was stored; the
    /// ledger knows.
    pub async fn store_in_parts(
        &mut self,
        lease: &Lease,
        signatures: EndToEnd<'_>,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let stored = match self.store_all(lease, signatures, bytes).await {
            Err(error) if error.is_refusal(LEASE_LOST) => Err(StoreError::LeaseLost(lease.id)),
            other => other,
        };
        self.unless_gone(stored).await
    }

    /// [`SignerSession::store_in_parts`] of signatures of one length that `library` made, in parts as large as they may be.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn store(
        &mut self,
        lease: &Lease,
        signatures: &[&[u8]],
        library: Library,
    ) -> Result<(), StoreError> {
        let each = signatures.first().map_or(1, |signature| signature.len());
        let signatures = EndToEnd { bytes: &signatures.concat(), each, library };
        self.store_in_parts(lease, signatures, PART_BYTES).await
    }

    /// Stores all signatures of a lease's batch, as [`SignerSession::store_in_parts`] does in one part, and reads the payloads of
    /// the whole batch of `next`, a lease that was acquired on this connection: once this returns, that is durable too.
    ///
    /// # Errors
    ///
    /// Those of [`SignerSession::store_in_parts`]: whether `next` is durable is not known then. And
    /// [`StoreError::Corrupt`] when a record of the next batch is missing.
    pub async fn store_and_fetch(
        &mut self,
        lease: &Lease,
        signatures: EndToEnd<'_>,
        next: &Lease,
        payloads: &mut Payloads,
    ) -> Result<(), StoreError> {
        payloads.clear();
        let part = Part { lease, first: lease.first_record, signatures, is_last: true };
        let reading = async {
            let mut rows = part
                .bound_to(sqlx::query(AssertSqlSafe(Arc::clone(&self.store_fetch))))
                .bind(next.first_record)
                .bind(next.last_record)
                .fetch(&mut self.connection);
            // To the very end of the stream: the server says that it committed only after the last row.
            while let Some(row) = rows.try_next().await? {
                payloads.push(row.try_get(0)?);
            }
            Ok(())
        };
        let stored = match answered(query::batch_store_fetch.name, STORE_TIMEOUT, reading).await {
            Err(error) if error.is_refusal(LEASE_LOST) => Err(StoreError::LeaseLost(lease.id)),
            Ok(()) if payloads.len() as u64 != next.records() => Err(StoreError::Corrupt(format!(
                "of the records {} to {}, {} are there",
                next.first_record,
                next.last_record,
                payloads.len()
            ))),
            other => other,
        };
        self.unless_gone(stored).await
    }

    async fn store_all(
        &mut self,
        lease: &Lease,
        signatures: EndToEnd<'_>,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let mut parts = signatures.parts(bytes.min(PART_BYTES)).peekable();
        let mut first = lease.first_record;
        let mut next = || {
            let signatures = parts.next()?;
            let part = Part { lease, first, signatures, is_last: parts.peek().is_none() };
            first = part.end() + 1;
            Some(part)
        };
        let Some(part) = next() else { return Ok(()) };
        if part.is_last {
            return store_part(&mut self.connection, part).await;
        }
        // Storing takes long: it begins with a whole lease duration ahead of it. From its first part on
        // it holds the lease's row, so that nobody takes the batch over.
        if self.renew(lease).await?.is_none() {
            return Err(StoreError::LeaseLost(lease.id));
        }
        let mut transaction = answered("the store's transaction", SHORT, self.connection.begin()).await?;
        let mut part = Some(part);
        while let Some(stored) = part {
            store_part(&mut transaction, stored).await?;
            part = next();
        }
        answered("the store's commit", STORE_TIMEOUT, transaction.commit()).await
    }
}

/// What one statement stores.
struct Part<'a> {
    lease: &'a Lease,
    /// The record of the first signature.
    first: i64,
    signatures: EndToEnd<'a>,
    /// Whether it is the last of its batch.
    is_last: bool,
}

impl<'a> Part<'a> {
    /// The record of the last signature.
    fn end(&self) -> i64 {
        self.first.saturating_add_unsigned(self.signatures.len() as u64) - 1
    }

    /// A statement with this as its parameters `$1` to `$7`.
    fn bound_to(self, statement: Query<'a, Postgres, PgArguments>) -> Query<'a, Postgres, PgArguments> {
        statement
            .bind(self.lease.id)
            .bind(self.lease.token.as_bytes())
            .bind(self.first)
            .bind(self.end())
            .bind(self.signatures.bytes)
            .bind(self.is_last)
            .bind(self.signatures.library.name())
    }
}

async fn store_part(connection: &mut PgConnection, part: Part<'_>) -> Result<(), StoreError> {
    let statement = part.bound_to(query::batch_store.rows());
    answered(query::batch_store.name, STORE_TIMEOUT, statement.execute(connection)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_whole_signatures_and_at_least_one() {
        let bytes: Vec<u8> = (0..10).collect();
        let library = Library::AwsLcRs;
        let of = |each, part| {
            let parts = EndToEnd { bytes: &bytes, each, library }.parts(part);
            parts.map(|part| (part.bytes.to_vec(), part.len())).collect::<Vec<_>>()
        };
        assert_eq!(of(2, 100), [(bytes.clone(), 5)]);
        assert_eq!(of(2, 5), [(vec![0, 1, 2, 3], 2), (vec![4, 5, 6, 7], 2), (vec![8, 9], 1)]);
        assert_eq!(of(5, 1), [(vec![0, 1, 2, 3, 4], 1), (vec![5, 6, 7, 8, 9], 1)]);
        let none = EndToEnd { bytes: &[], each: 64, library };
        assert_eq!(none.parts(100).map(EndToEnd::len).collect::<Vec<_>>(), [0]);
    }
}
