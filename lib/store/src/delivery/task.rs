//! What a delivery is given to do.

use std::num::TryFromIntError;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::TakenManifest;
use crate::error::StoreError;
use crate::lease::Token;
use crate::row::from_row;

/// What is to be done for a sink.
#[derive(Debug)]
pub enum DeliveryTask {
    /// Bring these there.
    Deliver(TakenDeliveries),
    /// All of them are there, or given up: bring the manifest there.
    Manifest(TakenManifest),
    /// Nothing is due: ask again after that long at the latest.
    Wait(Duration),
    /// The run has all its records, and each of its batches, and its manifest, is there, or was given up.
    Done,
    /// Nothing is delivered for this run now, or ever.
    Nothing(DeliveryRefusal),
}

/// Why nothing is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryRefusal {
    /// Somebody suspended the run, or it has too many dead letters.
    Suspended,
    /// The run, or the sink, is gone, or being deleted.
    Gone,
}

/// Batches that are this holder's for a while, on their way to one sink.
#[derive(Debug)]
pub struct TakenDeliveries {
    /// Number of the sink in its run.
    pub sink: i32,
    /// In the order of their numbers; at least one.
    pub batches: Vec<Delivery>,
    /// Whether other batches of the run are not signed yet.
    pub signing: bool,
    pub(super) token: Token,
}

/// A signed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub batch: i64,
    /// The number of its first record.
    pub first_record: i64,
    /// The number of its last record.
    pub last_record: i64,
    /// How often the sink refused it.
    pub attempts: i32,
    /// By what its signatures verify, as the ledger keeps it.
    pub public_key: Vec<u8>,
    /// When they were stored, as RFC 3339.
    pub signed_at: String,
}

from_row!(Delivery { batch, first_record, last_record, attempts, public_key, signed_at });

/// A record of a batch, with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRecord {
    /// Its number.
    pub record: i64,
    /// SHA-256 of its payload.
    pub digest: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
    /// What a policy said of it, as JSON with `score` and `hits`, or `hits` alone; none if that is nothing.
    pub marks: Option<String>,
    /// In which trace it came.
    pub traceparent: Option<String>,
}

from_row!(SignedRecord { record, digest, payload, signature, marks, traceparent });

impl DeliveryTask {
    pub(super) fn of(sink: i32, rows: &[PgRow], token: Token) -> Result<Self, StoreError> {
        let answer = rows.first().map(|row| row.get::<&str, _>("task"));
        match answer {
            Some("manifest") => {
                let (number, attempts): (i64, i32) =
                    rows.first().map_or((0, 0), |row| (row.get("batch"), row.get("attempts")));
                let number = i32::try_from(number).map_err(|error: TryFromIntError| {
                    StoreError::Corrupt(format!("a manifest has a number beyond all: {error}"))
                })?;
                Ok(Self::Manifest(TakenManifest { sink, number, attempts, token }))
            }
            Some("deliver") => {
                let delivery = |row| <Delivery as sqlx::FromRow<'_, PgRow>>::from_row(row);
                let batches = rows.iter().map(delivery).collect::<Result<_, _>>();
                let batches = batches.map_err(|error| StoreError::of("delivery_take", error))?;
                let signing = rows.first().is_some_and(|row| row.get("signing"));
                Ok(Self::Deliver(TakenDeliveries { sink, batches, signing, token }))
            }
            Some("wait") => {
                let seconds = rows.first().map_or(0.0, |row| row.get("seconds"));
                Ok(Self::Wait(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
            }
            Some("done" | "complete") => Ok(Self::Done),
            Some("suspended") => Ok(Self::Nothing(DeliveryRefusal::Suspended)),
            Some("deleted" | "unknown") => Ok(Self::Nothing(DeliveryRefusal::Gone)),
            other => Err(StoreError::Corrupt(format!("delivery_take answered {other:?}"))),
        }
    }
}
