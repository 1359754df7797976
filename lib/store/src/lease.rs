//! What a signer does with the ledger: acquire, fetch, renew, store, abandon; and add keys that it has made.
//!
//! Each call is one statement in a transaction of its own, made on one connection that one task
//! owns: no lock outlives a statement, none is shared between tasks, and a frozen signer holds
//! nothing but its lease.

mod fetch;
mod keys;
mod library;
mod payloads;
mod session;
mod signer_run;
mod store;
#[cfg(test)]
mod tests;
mod token;

use std::time::Duration;

use uuid::Uuid;

pub(crate) use self::token::Token;

pub use self::keys::{Added, MISSING_AT_ONCE, MissingKeys};
pub use self::library::Library;
pub use self::payloads::Payloads;
pub use self::session::SignerSession;
pub use self::signer_run::SignerRun;

/// Bytes that one statement reads or stores at most: of payloads in [`SignerSession::fetch_part`], of signatures in
/// [`SignerSession::store`]. They bound a signer's memory, whatever the size of batches and records.
pub const PART_BYTES: usize = 4 << 20;

/// One signer's right to one key for one batch.
#[derive(Debug)]
pub struct Lease {
    /// Its number in the ledger.
    pub id: i64,
    /// Proves that the lease is this signer's; every later call shows it.
    token: Token,
    /// The key.
    pub key: Uuid,
    /// SHA-256 of the key's private part as it is wrapped, 32 bytes; empty when the ring has lost it. A signer that
    /// has opened these very bytes before need not ask for them ([`SignerSession::key`]).
    pub wrapped_key_hash: Vec<u8>,
    /// The batch, 1..M.
    pub batch: i64,
    /// The batch's first record, 1..N.
    pub first_record: i64,
    /// The batch's last record.
    pub last_record: i64,
    /// Sum of the lengths of the batch's payloads.
    pub payload_bytes: i64,
    /// Position in the order of all leases of the keyring.
    pub use_sequence: i64,
    /// How long it was granted for.
    pub duration: Duration,
}

impl Lease {
    /// Number of records in the batch.
    #[must_use]
    pub fn records(&self) -> u64 {
        (self.last_record - self.first_record + 1).unsigned_abs()
    }
}

/// The key of a lease. Either part is empty when the ring has lost it.
#[derive(Debug)]
pub struct LeaseKey {
    /// The private part, wrapped.
    pub wrapped: Vec<u8>,
    /// The public key, as SubjectPublicKeyInfo in DER (RFC 5280).
    pub public: Vec<u8>,
}

/// What asking for a lease came to.
#[derive(Debug)]
pub enum Acquired {
    /// A key and a batch; not to be used before [`SignerSession::fetch`] has returned.
    Leased(Lease),
    /// The keyring has no key yet, or all its keys are in use: ask again later.
    NoKey,
    /// There is no batch to sign yet, or other signers hold all that are left: ask again later.
    NoBatch,
    /// Every batch is signed, but the ring lacks keys: the run is complete once they are made.
    KeysMissing,
    /// The run is sealed, every batch is signed, and the ring is filled.
    Complete,
    /// The run is suspended.
    Suspended,
    /// The run is being deleted, or gone.
    Gone,
}
