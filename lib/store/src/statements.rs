//! Statements, and what they speak of besides batches.

use futures::{Stream, TryStreamExt};
use uuid::Uuid;

use crate::audit::{KeyRow, Reader, Snapshot};
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::query;
use crate::roots::{BatchTree, KeptRoot, StatedBatch, kept_roots};
use crate::row::from_row;
use crate::run::Run;

/// A statement as the ledger keeps it. What it says is in `body`; the columns beside it say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// Its place in the chain: 1, 2, 3 and so on.
    pub number: i64,
    /// SHA-256 of the body.
    pub hash: Vec<u8>,
    /// That of the statement before it; none for the first.
    pub previous: Option<Vec<u8>>,
    /// Identity of the run that it speaks of.
    pub run_uid: Uuid,
    /// `Sealed` or `Signed`.
    pub kind: String,
    /// Id of the key that signed it.
    pub key_id: String,
    /// What was signed.
    pub body: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

from_row!(StatementRow { number, hash, previous, run_uid, kind, key_id, body, signature });

/// The end of the chain.
#[derive(Clone, Debug)]
pub struct LastStatement {
    /// Its number.
    pub number: i64,
    /// SHA-256 of its body.
    pub hash: Vec<u8>,
}

from_row!(LastStatement { number, hash });

/// A statement that is to be appended to the chain.
#[derive(Clone, Debug)]
pub struct NewStatement {
    /// Its number: that of the last one, and one more.
    pub number: i64,
    /// SHA-256 of the last one.
    pub previous: Option<Vec<u8>>,
    /// Identity of the run that it speaks of.
    pub run_uid: Uuid,
    /// `Sealed` or `Signed`.
    pub kind: &'static str,
    /// Id of the key that signed it.
    pub key_id: String,
    /// What was signed.
    pub body: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A stretch of a ring's lease log, by use sequences. None where there is no lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseBounds {
    /// The run's first lease.
    pub first_use: Option<i64>,
    /// The ring's newest lease.
    pub last_use: Option<i64>,
}

from_row!(LeaseBounds { first_use, last_use });

/// What never changes of a lease.
#[derive(Clone, Debug)]
pub struct StatedLease {
    /// Position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// The lease's id.
    pub id: i64,
    /// The ledger's own number of the run.
    pub run_id: i32,
    /// The batch.
    pub batch: i64,
    /// The key.
    pub key_id: Uuid,
    /// Who got it.
    pub holder: String,
    /// When the key was chosen, in microseconds since 1970.
    pub acquired_at: i64,
}

from_row!(StatedLease { use_sequence, id, run_id, batch, key_id, holder, acquired_at });

/// The name of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunToState {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

from_row!(RunToState { namespace, name });

impl Ledger {
    /// Identity of the ledger.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses, or a ledger that has none.
    pub async fn uid(&self) -> Result<Uuid, StoreError> {
        self.ask(query::ledger_uid, async |query, connection| {
            query.scalars::<Option<Uuid>>().fetch_one(connection).await
        })
        .await?
        .ok_or_else(|| StoreError::Corrupt("it has no uid".to_owned()))
    }

    /// The end of the chain of statements; none while there is no statement.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn last_statement(&self) -> Result<Option<LastStatement>, StoreError> {
        self.ask(query::statement_last, async |query, connection| {
            query.rows_as().fetch_optional(connection).await
        })
        .await
    }

    /// Appends a statement. False, with nothing done, when it would not follow the last one, when there is one of its
    /// kind about its run already, or when nothing of that kind can be stated of the run.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn append_statement(&self, new: &NewStatement) -> Result<bool, StoreError> {
        let NewStatement { number, previous, run_uid, kind, key_id, body, signature } = new;
        self.ask(query::statement_append, async |query, connection| {
            query
                .scalars()
                .bind(number)
                .bind(previous)
                .bind(run_uid)
                .bind(kind)
                .bind(key_id)
                .bind(body)
                .bind(signature)
                .fetch_one(connection)
                .await
        })
        .await
    }

    /// Statements about a run, in order; one of each kind at the most.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn statements_about(&self, run: &Run) -> Result<Vec<StatementRow>, StoreError> {
        self.ask(query::statement_list, async |query, connection| {
            query.rows_as().bind(Some(run.uid)).fetch_all(connection).await
        })
        .await
    }

    /// Runs of which something can be stated now.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn runs_to_state(&self) -> Result<Vec<RunToState>, StoreError> {
        self.ask(query::runs_to_state, async |query, connection| query.rows_as().fetch_all(connection).await)
            .await
    }

    /// The keys of a ring, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn stated_keys(&self, keyring: &Keyring) -> Result<Vec<KeyRow>, StoreError> {
        self.ask(query::audit_keys, async |query, connection| {
            query.rows_as().bind(keyring.id).fetch_all(connection).await
        })
        .await
    }

    /// The ring's leases from one use sequence to another, in order.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn stated_leases(
        &self,
        keyring: &Keyring,
        first: i64,
        last: i64,
    ) -> Result<Vec<StatedLease>, StoreError> {
        self.ask(query::stated_leases, async |query, connection| {
            query.rows_as().bind(keyring.id).bind(first).bind(last).fetch_all(connection).await
        })
        .await
    }

    /// The stretch of the ring's lease log that a statement about the run's signatures speaks of.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn lease_bounds(&self, run: &Run) -> Result<LeaseBounds, StoreError> {
        self.ask(query::lease_bounds, async |query, connection| {
            query.rows_as().bind(run.keyring.id).bind(run.id).fetch_one(connection).await
        })
        .await
    }
}

impl Snapshot {
    /// All statements, as they were at that instant.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn statements(&self) -> Result<Vec<StatementRow>, StoreError> {
        let mut reader = self.reader().await?;
        query::statement_list
            .rows_as()
            .bind(None::<Uuid>)
            .fetch_all(reader.connection())
            .await
            .map_err(|error| StoreError::of(query::statement_list.name, error))
    }
}

impl Reader {
    /// The run's batches with the leases that they name, in order.
    pub fn stated_batches(&mut self, run: &Run) -> impl Stream<Item = Result<StatedBatch, StoreError>> {
        query::stated_batches
            .rows_as()
            .bind(run.id)
            .bind(0_i64)
            .bind(None::<i64>)
            .fetch(self.connection())
            .map_err(|error| StoreError::of(query::stated_batches.name, error))
    }

    /// The ring's leases from one use sequence to another, in order.
    pub fn stated_leases(
        &mut self,
        keyring: &Keyring,
        first: i64,
        last: i64,
    ) -> impl Stream<Item = Result<StatedLease, StoreError>> {
        query::stated_leases
            .rows_as()
            .bind(keyring.id)
            .bind(first)
            .bind(last)
            .fetch(self.connection())
            .map_err(|error| StoreError::of(query::stated_leases.name, error))
    }

    /// The roots of a run's batches after this one that are kept, in order, at most so many.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn kept_roots(
        &mut self,
        run: &Run,
        tree: BatchTree,
        after: i64,
        most: i64,
    ) -> Result<Vec<KeptRoot>, StoreError> {
        kept_roots(query::batch_roots, self.connection(), run, tree, after, most)
            .await
            .map_err(|error| StoreError::of(query::batch_roots.name, error))
    }
}
