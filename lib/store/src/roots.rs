//! The Merkle roots of batches: what they are computed from, and keeping them.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query::{self, Query};
use crate::row::from_row;
use crate::run::Run;

/// Which tree of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchTree {
    /// That of its payloads.
    Payloads,
    /// That of its signatures.
    Signatures,
}

impl BatchTree {
    /// Its word in the ledger.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Payloads => "Payloads",
            Self::Signatures => "Signatures",
        }
    }

    const fn leaves(self) -> Query {
        match self {
            Self::Payloads => query::payload_leaves,
            Self::Signatures => query::signature_leaves,
        }
    }
}

/// A batch with the lease that it names, and the key of that lease. Instants are in microseconds since 1970; infinite
/// ones are `i64::MIN` and `i64::MAX`.
#[derive(Clone, Debug)]
pub struct StatedBatch {
    /// Number of the batch.
    pub batch: i64,
    /// Its first record.
    pub first_record: i64,
    /// Its last record.
    pub last_record: i64,
    /// Sum of the lengths of its payloads.
    pub payload_bytes: i64,
    /// Whether it is signed.
    pub signed: bool,
    /// The lease that it names, if that exists.
    pub lease_id: Option<i64>,
    /// Position of the lease in the order of all leases of the ring.
    pub use_sequence: Option<i64>,
    /// The lease's key.
    pub key_id: Option<Uuid>,
    /// SHA-256 of that key's SubjectPublicKeyInfo.
    pub public_key_hash: Option<Vec<u8>>,
    /// Who has, or had, the lease.
    pub holder: Option<String>,
    /// When the key was chosen.
    pub acquired_at: Option<i64>,
    /// When the signatures were stored.
    pub signed_at: Option<i64>,
}

from_row!(StatedBatch {
    batch,
    first_record,
    last_record,
    payload_bytes,
    signed,
    lease_id,
    use_sequence,
    key_id,
    public_key_hash,
    holder,
    acquired_at,
    signed_at
});

/// Leaves of consecutive records.
#[derive(Clone, Debug)]
pub struct Leaves {
    /// How many records have one.
    pub records: i64,
    /// Their hashes, 32 bytes each, one straight after the other.
    pub leaves: Vec<u8>,
}

from_row!(Leaves { records, leaves });

/// What is kept of a batch for a tree of its run.
#[derive(Clone, Debug)]
pub struct KeptRoot {
    /// Number of the batch.
    pub batch: i64,
    /// The hash that stands for it in the tree, 32 bytes.
    pub root: Vec<u8>,
}

from_row!(KeptRoot { batch, root });

/// The batches of a run in sum.
#[derive(Clone, Copy, Debug)]
pub struct BatchTotals {
    /// How many there are.
    pub batches: i64,
    /// Sum of the lengths of all payloads, as the batches say.
    pub payload_bytes: i64,
}

from_row!(BatchTotals { batches, payload_bytes });

// Queries on tables that have a partition for each run are never kept by the session: after some time it would plan them
// for any run, and lock the tables of all.
impl Ledger {
    /// The run's batches after this one, in order, at most so many.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn stated_batches(
        &self,
        run: &Run,
        after: i64,
        most: i64,
    ) -> Result<Vec<StatedBatch>, StoreError> {
        self.ask(query::stated_batches, async |query, connection| {
            query
                .rows_as()
                .bind(run.id)
                .bind(after)
                .bind(Some(most))
                .persistent(false)
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// The leaves of the records `first..=last`, hashed by the server.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn leaves(
        &self,
        run: &Run,
        tree: BatchTree,
        first: i64,
        last: i64,
    ) -> Result<Leaves, StoreError> {
        self.ask(tree.leaves(), async |query, connection| {
            query.rows_as().bind(run.id).bind(first).bind(last).persistent(false).fetch_one(connection).await
        })
        .await
    }

    /// Keeps the roots of consecutive batches, of which `first` is the first. Of those that are kept already, the first
    /// that is another one.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn keep_roots(
        &self,
        run: &Run,
        tree: BatchTree,
        first: i64,
        roots: &[Vec<u8>],
    ) -> Result<Option<i64>, StoreError> {
        self.ask(query::batch_roots_keep, async |query, connection| {
            query.scalars().bind(run.id).bind(tree.name()).bind(first).bind(roots).fetch_one(connection).await
        })
        .await
    }

    /// The roots of a run's batches after this one that are kept, in order, at most so many.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn kept_roots(
        &self,
        run: &Run,
        tree: BatchTree,
        after: i64,
        most: i64,
    ) -> Result<Vec<KeptRoot>, StoreError> {
        self.ask(query::batch_roots, async |query, connection| {
            kept_roots(query, connection, run, tree, after, most).await
        })
        .await
    }

    /// How many batches the run has, and how many bytes are in them.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn batch_totals(&self, run: &Run) -> Result<BatchTotals, StoreError> {
        self.ask(query::batch_totals, async |query, connection| {
            query.rows_as().bind(run.id).persistent(false).fetch_one(connection).await
        })
        .await
    }

    /// The batch that a record is in; none if it is in none.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn batch_of(&self, run: &Run, record: i64) -> Result<Option<i64>, StoreError> {
        self.ask(query::batch_of_record, async |query, connection| {
            query.scalars().bind(run.id).bind(record).persistent(false).fetch_optional(connection).await
        })
        .await
    }
}

pub(crate) async fn kept_roots(
    query: Query,
    connection: &mut PgConnection,
    run: &Run,
    tree: BatchTree,
    after: i64,
    most: i64,
) -> Result<Vec<KeptRoot>, sqlx::Error> {
    query.rows_as().bind(run.id).bind(tree.name()).bind(after).bind(most).fetch_all(connection).await
}
