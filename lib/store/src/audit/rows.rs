//! What an audit reads: rows as they are stored, and nothing that was concluded from them.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::lease::Library;
use crate::row::from_row;

/// Bytes that a payload has at the most.
pub const PAYLOAD_BYTES: i32 = 1 << 20;

/// How far a run's input is, by its own account.
#[derive(Debug)]
pub struct AdmissionRow {
    /// Records that are admitted.
    pub records: i64,
    /// Batches that are closed.
    pub batches: i64,
    /// Records in closed batches.
    pub batched: i64,
    /// Whether it says that records wait for their batch to close.
    pub waiting: bool,
}

from_row!(AdmissionRow { records, batches, batched, waiting });

/// A batch, and whether the lease that it names is one of this very batch.
#[derive(Debug)]
pub struct BatchRow {
    /// Number of the batch.
    pub batch: i64,
    /// Its first record.
    pub first_record: i64,
    /// Its last record.
    pub last_record: i64,
    /// Sum of the lengths of its payloads, as the row says.
    pub payload_bytes: i64,
    /// Whether it was closed before it was opened.
    pub closed_early: bool,
    /// Whether one of its instants is infinite.
    pub endless: bool,
    /// For how many microseconds it was open; none if it has an infinite instant.
    pub open_micros: Option<i64>,
    /// `Full`, `Period` or `Sealed`.
    pub closed_by: String,
    /// `unsigned`, `leased` or `signed`.
    pub state: String,
    /// The lease that it names.
    pub lease_id: Option<i64>,
    /// What made its signatures, if it is signed.
    pub library: Library,
    /// Whether that lease exists, is of this batch, and ended signed if the batch is signed; else is open.
    pub lease_fits: bool,
}

from_row!(BatchRow {
    batch,
    first_record,
    last_record,
    payload_bytes,
    closed_early,
    endless,
    open_micros,
    closed_by,
    state,
    lease_id,
    library,
    lease_fits
});

/// A record, as it is stored.
#[derive(Debug)]
pub(super) struct PayloadRow {
    /// Number of the record.
    pub(super) record: i64,
    /// Bytes of the payload; a sound ledger has them.
    pub(super) payload_bytes: Option<i32>,
    /// What was signed; none if it has more than [`PAYLOAD_BYTES`].
    pub(super) payload: Option<Bytes>,
    /// What it is known by in its keyring.
    pub(super) digest: Option<Bytes>,
}

/// A block of signatures, as it is stored, and its lease.
#[derive(Debug)]
pub(super) struct BlockRow {
    /// Where the row stands.
    pub(super) place: String,
    /// The first record that it is of.
    pub(super) first_record: i64,
    /// The last one.
    pub(super) last_record: i64,
    /// The signatures one after the other; none if they are longer than any can be.
    pub(super) signatures: Option<Vec<u8>>,
    /// The lease under which it was stored.
    pub(super) lease_id: i64,
    /// That lease's key.
    pub(super) key_id: Option<Uuid>,
    /// That lease's run.
    pub(super) lease_run: Option<i32>,
    /// How that lease ended.
    pub(super) lease_outcome: Option<String>,
}

from_row!(BlockRow {
    place,
    first_record,
    last_record,
    signatures,
    lease_id,
    key_id,
    lease_run,
    lease_outcome
});

/// What rows of records, or a block of signatures, are stored as. The same again only if they are the very same rows.
#[derive(Debug)]
pub struct WrittenRow {
    /// Of records the transaction that wrote them, of a block all that is said of it and its lease but its signatures.
    pub what: String,
    /// How many rows.
    pub rows: i64,
    /// A hash of their places and numbers.
    pub places: i64,
    /// The key of a block's lease.
    pub key_id: Option<Uuid>,
}

from_row!(WrittenRow { what, rows, places, key_id });

/// A record beside its signature; either side may be missing.
#[derive(Clone, Debug, Default)]
pub struct RecordRow {
    /// Number of the record.
    pub record: i64,
    /// What tells the record's row from others, if there is one.
    pub record_row: Option<u64>,
    /// Bytes of the payload.
    pub payload_bytes: Option<i32>,
    /// What was signed; none also if it has more than [`PAYLOAD_BYTES`].
    pub payload: Option<Bytes>,
    /// What it is known by in its keyring.
    pub digest: Option<Bytes>,
    /// What tells the row of the signature from others, if there is one.
    pub signature_row: Option<u64>,
    /// The signature; none also if it is longer than any can be.
    pub signature: Option<Bytes>,
    /// The lease under which it was stored.
    pub lease_id: Option<i64>,
    /// That lease's key.
    pub key_id: Option<Uuid>,
    /// That lease's run.
    pub lease_run: Option<i32>,
    /// How that lease ended.
    pub lease_outcome: Option<Arc<str>>,
}

impl RecordRow {
    /// A record without a signature, whose row is told from others by this number.
    pub(super) fn of(number: u64, row: PayloadRow) -> Self {
        let PayloadRow { record, payload_bytes, payload, digest } = row;
        Self { record, record_row: Some(number), payload_bytes, payload, digest, ..Self::default() }
    }
}

/// A row that has no place; `queries/audit_run_strays.sql` and `audit_keyring_strays.sql` list the kinds.
#[derive(Debug)]
pub struct Stray {
    /// What it is: `record`, `lease of no run`.
    pub kind: String,
    /// Its number: of a lease its id; 0 for what has none.
    pub number: i64,
    /// Its name where the number does not tell, or what it clashes with.
    pub name: String,
}

from_row!(Stray { kind, number, name });

/// What does not add up among the arrivals of a run.
#[derive(Debug)]
pub struct ArrivalFault {
    /// The record that it is about; 0 for none.
    pub number: i64,
    /// What is wrong.
    pub sentence: String,
}

from_row!(ArrivalFault { number, sentence });

/// What does not add up among the deliveries, or the events, of a run.
#[derive(Debug)]
pub struct DeliveryFault {
    /// The batch or record that it is about; 0 for none.
    pub number: i64,
    /// What is wrong.
    pub sentence: String,
}

from_row!(DeliveryFault { number, sentence });

/// A batch that a sink has.
#[derive(Debug)]
pub struct DeliveredRow {
    /// Its number.
    pub batch: i64,
    /// The name of the sink.
    pub sink: String,
    /// What the sink was given, by its SHA-256.
    pub digest: Vec<u8>,
}

from_row!(DeliveredRow { batch, sink, digest });

/// A manifest that a sink has, and what is in it beside its objects.
#[derive(Debug)]
pub struct ManifestRow {
    /// Number of the sink.
    pub number: i32,
    /// Its name.
    pub sink: String,
    /// Number of the manifest.
    pub manifest: i32,
    /// SHA-256 of what the sink was given.
    pub digest: Vec<u8>,
    /// Records of the run.
    pub records: i64,
    /// Its batches.
    pub batches: i64,
    /// Batches that the sink has.
    pub delivered: i64,
    /// Batches that were given up.
    pub dead: i64,
    /// The keys that signed, in the order of their numbers.
    pub public_keys: Vec<Vec<u8>>,
    /// Of each statement that is in it, the id of the key.
    pub key_ids: Vec<String>,
    /// What was signed.
    pub bodies: Vec<Vec<u8>>,
    /// The signature.
    pub signatures: Vec<Vec<u8>>,
}

from_row!(ManifestRow {
    number,
    sink,
    manifest,
    digest,
    records,
    batches,
    delivered,
    dead,
    public_keys,
    key_ids,
    bodies,
    signatures
});

/// A key of the ring.
#[derive(Debug)]
pub struct KeyRow {
    /// The key's id.
    pub id: Uuid,
    /// Its number in the ring.
    pub number: i32,
    /// `active` or `retired`.
    pub state: String,
    /// Use sequence of its newest lease; before the first, that of the ring's newest lease when the key joined.
    pub last_use: i64,
    /// The ring's newest use sequence when the key joined.
    pub joined_use: i64,
    /// The ring's newest use sequence when the key left.
    pub retired_use: Option<i64>,
    /// Whether it says when it left.
    pub has_retired_at: bool,
    /// SubjectPublicKeyInfo, DER, unless its material is missing.
    pub public_key: Option<Vec<u8>>,
}

from_row!(KeyRow { id, number, state, last_use, joined_use, retired_use, has_retired_at, public_key });

/// A line of the lease log. Instants are microseconds since 1970 by the database's clock; infinite ones
/// are `i64::MIN` and `i64::MAX`.
#[derive(Debug)]
pub struct LeaseRow {
    /// The lease's id.
    pub id: i64,
    /// Whether the run it was for is complete. A run that was deleted is not.
    pub run_complete: bool,
    /// The key.
    pub key_id: Uuid,
    /// Position in the order of all leases of the ring.
    pub use_sequence: i64,
    /// When the key was chosen.
    pub acquired_at: i64,
    /// When it would run out.
    pub expires_at: i64,
    /// Until when its holder had the time to renew it, after a turn had doubted that it would.
    pub doubted_until: Option<i64>,
    /// When the key went back to the ring.
    pub released_at: Option<i64>,
    /// Whether it says when its batch was stored.
    pub has_signed_at: bool,
    /// `signed`, `expired`, `abandoned`, or none while it is open.
    pub outcome: Option<String>,
}

from_row!(LeaseRow {
    id,
    run_complete,
    key_id,
    use_sequence,
    acquired_at,
    expires_at,
    doubted_until,
    released_at,
    has_signed_at,
    outcome
});

/// A key that went back to its ring.
#[derive(Debug)]
pub struct ReleaseRow {
    /// The lease's id.
    pub id: i64,
    /// The key.
    pub key_id: Uuid,
    /// When, in microseconds since 1970.
    pub released_at: i64,
}

from_row!(ReleaseRow { id, key_id, released_at });
