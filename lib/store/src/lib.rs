//! The ledger: everything that Chancery keeps in PostgreSQL, behind typed calls.
//!
//! One SQL file a query (`queries/`), one module a concern. What holds in the ledger itself, whoever
//! calls, is in `migrations/`: constraints, unique indexes and the functions of the lease protocol.
//!
//! - [`connect`]: connecting as the owner ([`Ledger`]) or as a signer ([`SignerSession`]).
//! - [`migrate`]: bringing a ledger up to date, or refusing one that is newer than the program.
//! - [`run`]: creating, finding, watching and deleting runs.
//! - [`lease`]: what a signer does: acquire, fetch, renew, store, abandon.
//! - [`seed`]: filling a run with keys and records.
//! - [`export`], [`audit`]: reading a run back, in streams.

mod answer;
pub mod audit;
pub mod connect;
pub mod error;
pub mod export;
pub mod lease;
pub mod migrate;
mod pooling;
pub mod query;
pub mod run;
pub mod seed;

pub use connect::{GivenUrl, Ledger, LedgerUrl};
pub use error::StoreError;
pub use lease::SignerSession;
pub use run::{NewRun, Progress, Run};
