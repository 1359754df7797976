//! Reading a run back, row by row, at constant memory. The fields and their order are a contract
//! with those who read exports.

mod signed;

use futures::{Stream, TryStreamExt, stream};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::audit;
use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query::{self, Query};
use crate::row::from_row;
use crate::run::Run;
use crate::statements::StatementRow;

pub use self::signed::SignedLine;

/// How long an export may take.
const WHOLE_EXPORT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// A record.
#[derive(Debug)]
pub struct RecordLine {
    /// Number of the record, 1..N.
    pub record: i64,
    /// Number of its batch, 1..M.
    pub batch: i64,
    /// What is to be signed.
    pub payload: Vec<u8>,
    /// SHA-256 of the payload; none for a run that looks for no duplicates.
    pub digest: Option<Vec<u8>>,
    /// Digest of what names it, in a run that knows payloads by an expression.
    pub identity: Option<Vec<u8>>,
    /// Where it came from; none for generated records.
    pub origin: Option<Origin>,
    /// The rules that flagged it, as JSON, if any did.
    pub flags: Option<String>,
}

from_row!(RecordLine { record, batch, payload, digest, identity, origin: (Option Origin if "source"), flags });

/// Where a payload came from.
#[derive(Debug)]
pub struct Origin {
    /// Name of the source.
    pub source: String,
    /// Number of the split of that source.
    pub split: i32,
    /// Position in the split.
    pub position: i64,
}

from_row!(Origin { source, split, position });

/// An arrival, whatever became of it.
#[derive(Debug)]
pub struct ArrivalLine {
    /// Where it came from.
    pub origin: Origin,
    /// `Admitted`, `Duplicate`, `Rejected` or `Dead`.
    pub state: String,
    /// SHA-256 of the payload.
    pub digest: Option<Vec<u8>>,
    /// Digest of what names it, in a run that knows payloads by an expression.
    pub identity: Option<Vec<u8>>,
    /// The record that it is.
    pub record: Option<i64>,
    /// The run of the record that it repeats: `NAMESPACE/NAME`, or the ledger's number of a run that is gone.
    pub duplicate_run: Option<String>,
    /// The record that it repeats.
    pub duplicate_record: Option<i64>,
    /// Which step gave it up.
    pub stage: Option<String>,
    /// The rule of the policy that rejected it, or that failed for it.
    pub rule: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// SHA-256 of the policy that says so.
    pub policy: Option<Vec<u8>>,
    /// The rules that flagged the record, as JSON, if any did.
    pub flags: Option<String>,
}

from_row!(ArrivalLine {
    origin: Origin,
    state,
    digest,
    identity,
    record,
    duplicate_run,
    duplicate_record,
    stage,
    rule,
    reason,
    policy,
    flags
});

/// An arrival that could not become a record.
#[derive(Debug)]
pub struct DeadLetterLine {
    /// Where it came from.
    pub origin: Origin,
    /// Which step gave it up.
    pub stage: String,
    /// The rule that failed for it, if that was a policy's.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// Its bytes as they were read, the first 1 MiB at most; none once they are swept.
    pub raw: Option<Vec<u8>>,
    /// When it was given up, RFC 3339, UTC.
    pub arrived_at: String,
    /// When its bytes were swept, RFC 3339, UTC.
    pub swept_at: Option<String>,
}

from_row!(DeadLetterLine { origin: Origin, stage, rule, reason, raw, arrived_at, swept_at });

/// A signature.
#[derive(Debug)]
pub struct SignatureLine {
    /// Number of the record.
    pub record: i64,
    /// Number of its batch.
    pub batch: i64,
    /// Id of the key.
    pub key_id: Uuid,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// The signature; for ES256 the 64 bytes r‖s.
    pub signature: Vec<u8>,
    /// When it was stored, RFC 3339, UTC.
    pub signed_at: String,
}

/// Signatures of consecutive records, end to end.
struct Block {
    first_record: i64,
    last_record: i64,
    batch: i64,
    key_id: Uuid,
    algorithm: String,
    signatures: Vec<u8>,
    signed_at: String,
}

from_row!(Block { first_record, last_record, batch, key_id, algorithm, signatures, signed_at });

impl Block {
    /// Its signatures one by one; the last has all bytes that are left.
    fn lines(self) -> impl Iterator<Item = SignatureLine> {
        let Self { first_record, last_record, batch, key_id, algorithm, signatures, signed_at } = self;
        let records = usize::try_from(last_record - first_record + 1).unwrap_or(0);
        let each = signatures.len() / records.max(1);
        (first_record..=last_record).enumerate().map(move |(place, record)| {
            let from = place * each;
            let to = if record == last_record { signatures.len() } else { from + each };
            SignatureLine {
                record,
                batch,
                key_id,
                algorithm: algorithm.clone(),
                signature: signatures[from..to].to_vec(),
                signed_at: signed_at.clone(),
            }
        })
    }
}

/// A key.
#[derive(Debug)]
pub struct KeyLine {
    /// Id of the key.
    pub id: Uuid,
    /// JOSE name of the algorithm.
    pub algorithm: String,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

from_row!(KeyLine { id, algorithm, public_key });

/// A lease. Times are RFC 3339, UTC, by the database's clock, to the microsecond.
#[derive(Debug)]
pub struct LeaseLine {
    /// Id of the lease.
    pub id: i64,
    /// Id of the key.
    pub key_id: Uuid,
    /// Number of the batch.
    pub batch: i64,
    /// Who had it.
    pub holder: String,
    /// Position in the order of all leases of the keyring.
    pub use_sequence: i64,
    /// When the key was chosen.
    pub acquired_at: String,
    /// When the lease would run out.
    pub expires_at: String,
    /// When the key went back to the ring; none while it has not.
    pub released_at: Option<String>,
    /// `signed`, `expired`, `abandoned`, or none while it is open.
    pub outcome: Option<String>,
}

from_row!(LeaseLine {
    id,
    key_id,
    batch,
    holder,
    use_sequence,
    acquired_at,
    expires_at,
    released_at,
    outcome
});

/// A connection of its own for an export.
#[derive(Debug)]
pub struct Exporter {
    connection: PgConnection,
    run: Run,
}

impl Ledger {
    /// Begins an export of the run as it is now. Until the export is dropped, its deletion waits.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] when there is none, [`StoreError::BeingDeleted`] when its deletion has begun.
    pub async fn export(&self, namespace: &str, name: &str) -> Result<Exporter, StoreError> {
        let mut connection = self.url.connect(WHOLE_EXPORT).await?;
        audit::pass_gate(&mut connection).await?;
        audit::begin(&mut connection).await?;
        audit::hold_tables(&mut connection).await?;
        let run = Run::find(&mut connection, namespace, name).await?.whole()?;
        Ok(Exporter { connection, run })
    }
}

impl Exporter {
    /// The run as it was when the export began.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// The records of closed batches, in order.
    pub fn records(&mut self) -> impl Stream<Item = Result<RecordLine, StoreError>> {
        self.rows(query::export_records)
    }

    /// Every arrival so far: the records in order, then the others.
    pub fn arrivals(&mut self) -> impl Stream<Item = Result<ArrivalLine, StoreError>> {
        self.rows(query::export_arrivals)
    }

    /// What could not become a record, in the order of sources, splits and positions.
    pub fn dead_letters(&mut self) -> impl Stream<Item = Result<DeadLetterLine, StoreError>> {
        self.rows(query::export_dead_letters)
    }

    /// The signatures stored so far, in the order of the records.
    pub fn signatures(&mut self) -> impl Stream<Item = Result<SignatureLine, StoreError>> {
        self.rows(query::export_signatures)
            .map_ok(|block: Block| stream::iter(block.lines().map(Ok)))
            .try_flatten()
    }

    /// The keys of the ring, in the order of their numbers.
    pub fn keys(&mut self) -> impl Stream<Item = Result<KeyLine, StoreError>> {
        self.rows(query::export_keys)
    }

    /// The run's leases, in the order of their use sequence.
    pub fn leases(&mut self) -> impl Stream<Item = Result<LeaseLine, StoreError>> {
        self.rows(query::export_leases)
    }

    /// The statements about the run, in order.
    pub fn statements(&mut self) -> impl Stream<Item = Result<StatementRow, StoreError>> {
        self.rows(query::export_statements)
    }

    fn rows<'c, T>(&'c mut self, query: Query) -> impl Stream<Item = Result<T, StoreError>> + 'c
    where
        T: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin + 'c,
    {
        query
            .rows_as()
            .bind(self.run.id)
            .fetch(&mut self.connection)
            .map_err(move |error| StoreError::of(query.name, error))
    }
}
