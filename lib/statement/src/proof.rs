//! A proof that a record is in a signed run, which is checked without the ledger.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::leaf::{self, SignedUnder, Span};
use crate::merkle::root_by_path;
use crate::statement::{Claim, Statement};
use crate::{Digest, Envelope, EnvelopeError, TrustedKeys};

/// A record, and how it leads to what was stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proof {
    /// Number of the record.
    pub record: i64,
    /// What was signed, in base64.
    pub payload: String,
    /// The signature, in base64.
    pub signature: String,
    /// The record's batch, and under which lease and key it was signed.
    pub batch: BatchOfProof,
    /// Nodes from the payload's leaf up to the root of the batch's payloads.
    pub path_in_payloads: Vec<Digest>,
    /// Nodes from the signature's leaf up to the root of the batch's signatures.
    pub path_in_signatures: Vec<Digest>,
    /// Nodes from the batch's leaf up to the root of the run.
    pub path_in_run: Vec<Digest>,
    /// The statement about the run's signatures.
    pub statement: Envelope,
}

/// The batch of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchOfProof {
    /// Number of the batch.
    pub batch: i64,
    /// Its first record.
    pub first_record: i64,
    /// Its last record.
    pub last_record: i64,
    /// Id of the lease.
    pub lease: i64,
    /// Position of the lease in the order of all leases of the ring.
    pub use_sequence: i64,
    /// Id of the key.
    pub key: Uuid,
    /// The key, `SubjectPublicKeyInfo` in DER, in base64.
    pub public_key: String,
    /// Who signed.
    pub holder: String,
    /// When the key was chosen, in microseconds since 1970.
    pub acquired_at: i64,
    /// When the signatures were stored, in microseconds since 1970.
    pub signed_at: i64,
}

/// What a proof proves.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Number of the record.
    pub record: i64,
    /// What was signed.
    pub payload: Vec<u8>,
    /// The statement that it leads to.
    pub statement: Statement,
    /// SHA-256 of that statement, as it was signed.
    pub statement_hash: Digest,
    /// The key that signed the statement.
    pub statement_key: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The statement is not to be believed.
    #[error("the statement: {0}")]
    Statement(EnvelopeError),
    /// The statement is of another kind.
    #[error("the statement is about the sealing of a run: it says nothing of signatures")]
    OtherKind,
    /// A field is no base64.
    #[error("{0} is not base64")]
    NotBase64(&'static str),
    /// The record is not between the bounds of its batch, or the batch is none of the run.
    #[error("record {record} of batch {batch} is outside of what was stated")]
    Outside {
        /// The record.
        record: i64,
        /// The batch.
        batch: i64,
    },
    /// The paths do not lead to the root.
    #[error(
        "the paths do not lead to the root that was stated: record, payload, signature, lease or path was altered"
    )]
    OtherRoot,
    /// The algorithm, envelope or public key cannot be used.
    #[error("the record's key cannot be used: {0}")]
    Key(String),
    /// The signature of the record is not one over its payload.
    #[error("the record's signature is not one of its key over the payload, although both were stated")]
    FalseSignature,
}

impl Proof {
    /// Checks all of it: the statement's signature, the paths, and the record's signature.
    ///
    /// # Errors
    ///
    /// [`ProofError`].
    pub fn check(&self, trusted: &TrustedKeys) -> Result<Proven, ProofError> {
        let opened = self.statement.open(trusted).map_err(ProofError::Statement)?;
        let payload = self.follow(&opened.statement)?;
        Ok(Proven {
            record: self.record,
            payload,
            statement: opened.statement,
            statement_hash: opened.hash,
            statement_key: opened.key_id,
        })
    }

    /// Checks all of it against what a statement says, which is taken as true. Returns the payload.
    ///
    /// # Errors
    ///
    /// [`ProofError`].
    pub fn follow(&self, statement: &Statement) -> Result<Vec<u8>, ProofError> {
        let Claim::Signed(signed) = &statement.claim else { return Err(ProofError::OtherKind) };
        let payload = decode("the payload", &self.payload)?;
        let signature = decode("the signature", &self.signature)?;
        let public_key = decode("the public key", &self.batch.public_key)?;

        let (span, under) = self.batch.parts(&public_key);
        let outside = ProofError::Outside { record: self.record, batch: span.batch };
        let is_inside = (1..=signed.batches).contains(&span.batch)
            && (1..=signed.records).contains(&span.last_record)
            && span.first_record >= 1
            && (span.first_record..=span.last_record).contains(&self.record);
        if !is_inside {
            return Err(outside);
        }
        let place = self.record.abs_diff(span.first_record);
        let size = span.last_record.abs_diff(span.first_record) + 1;
        let in_batch =
            |leaf, path: &[Digest]| root_by_path(leaf, place, size, path).ok_or(ProofError::OtherRoot);
        let payloads = in_batch(leaf::payload(self.record, &payload), &self.path_in_payloads)?;
        let signatures =
            in_batch(leaf::signature(self.record, &signature, under.lease), &self.path_in_signatures)?;
        let payloads = leaf::batch_of_payloads(&span, &payloads);
        let leaf = leaf::batch_of_signatures(&span, &payloads, &under, &signatures);
        let root =
            root_by_path(leaf, span.batch.abs_diff(1), signed.batches.unsigned_abs(), &self.path_in_run);
        if root != Some(signed.signatures) {
            return Err(ProofError::OtherRoot);
        }
        let key = signed.keyring.key(&public_key).map_err(ProofError::Key)?;
        if !key.verify(&payload, &signature) {
            return Err(ProofError::FalseSignature);
        }
        Ok(payload)
    }
}

impl BatchOfProof {
    fn parts(&self, public_key: &[u8]) -> (Span, SignedUnder) {
        let Self {
            batch,
            first_record,
            last_record,
            lease,
            use_sequence,
            key,
            public_key: _,
            holder,
            acquired_at,
            signed_at,
        } = self;
        let span = Span { batch: *batch, first_record: *first_record, last_record: *last_record };
        let under = SignedUnder {
            lease: *lease,
            use_sequence: *use_sequence,
            key: *key,
            public_key: Digest::of(public_key),
            holder: holder.clone(),
            acquired_at: *acquired_at,
            signed_at: *signed_at,
        };
        (span, under)
    }
}

fn decode(what: &'static str, text: &str) -> Result<Vec<u8>, ProofError> {
    STANDARD.decode(text).map_err(|_| ProofError::NotBase64(what))
}

#[cfg(test)]
mod tests;
