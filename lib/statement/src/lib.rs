//! What a run commits to when it is sealed and when it is signed, outside of the ledger's reach. No IO, no clock.
//!
//! ```text
//! payloads ──leaf──> tree of a batch ──leaf──> tree of the run ──root──┐
//!                                                                      ├─> Statement ──StatementKey──> Envelope
//! the keys of the ring, its lease log, counts, the statement before ───┘
//!
//! record + both paths + Envelope = Proof ──PublicKey──> true or not, with no ledger
//! ```
//!
//! `docs/internals/statements.md` defines every byte; `tests/independent_audit/check_proof.py` was written from it.
//!
//! - [`merkle`]: the trees of RFC 6962.
//! - [`leaf`]: what their leaves are.
//! - [`statement`]: what is stated.
//! - [`Envelope`]: a statement with its signature (DSSE).
//! - [`Proof`]: that a record is in a signed run.

mod digest;
mod envelope;
mod key;
pub mod leaf;
pub mod merkle;
mod pem;
mod proof;
pub mod statement;

pub use digest::{Digest, DigestError};
pub use envelope::{Envelope, EnvelopeError, Opened, PAYLOAD_TYPE};
pub use key::{KeyError, PublicKey, StatementKey, TrustedKeys};
pub use proof::{BatchOfProof, Proof, ProofError, Proven};
pub use statement::Statement;
