//! Records with their signatures, for whoever checks them elsewhere.

use futures::Stream;
use uuid::Uuid;

use super::Exporter;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;

/// A record with its signature.
#[derive(Debug)]
pub struct SignedLine {
    /// Number of the record, 1..N.
    pub record: i64,
    /// Number of its batch, 1..M.
    pub batch: i64,
    /// SHA-256 of the payload.
    pub digest: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
    /// Id of the key.
    pub key_id: Uuid,
    /// The signature.
    pub signature: Vec<u8>,
    /// When it was stored, RFC 3339, UTC.
    pub signed_at: String,
    /// What a policy said of it, as JSON with `score` and `hits`, or `hits` alone; none if that is nothing.
    pub marks: Option<String>,
    /// In which trace it came.
    pub traceparent: Option<String>,
}

from_row!(SignedLine { record, batch, digest, payload, key_id, signature, signed_at, marks, traceparent });

impl Exporter {
    /// The records signed so far with their signatures, in order.
    pub fn signed(&mut self) -> impl Stream<Item = Result<SignedLine, StoreError>> {
        self.rows(query::export_signed)
    }
}
