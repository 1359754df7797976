//! The ledger: everything that Chancery keeps in PostgreSQL, behind typed calls.
//!
//! One SQL file per query (`queries/`), one module per concern. What holds in the ledger itself, whoever
//! calls, is in `migrations/`: constraints, unique indexes and the functions of the lease protocol.
//!
//! - [`connect`]: connecting as the owner ([`Ledger`]) or as a signer ([`SignerSession`]).
//! - [`migrate`]: bringing a ledger up to date, or refusing one that is newer than the program.
//! - [`run`]: creating, finding, watching and deleting runs.
//! - [`lease`]: what a signer does: acquire, fetch, renew, store, abandon.
//! - [`logins`]: a login for each run, made and dropped.
//! - [`keyring`]: finding, changing and deleting keyrings.
//! - [`data_keys`]: what wraps the private keys of each keyring, itself wrapped.
//! - [`run_secrets`]: which Secret the signers of a run on a cluster are given.
//! - [`generated`]: making random records, and sealing a run.
//! - [`input`], [`intake`], [`dead_letters`]: reading sources, admitting what they offer, and what could not be.
//! - [`letters`]: dead letters one by one, and what somebody does with them.
//! - [`sinks`], [`notifications`], [`delivery`]: where signed records go, who is told of what happens, and bringing them there.
//! - [`policy`]: what judges the arrivals of a run.
//! - [`pushing`], [`results`]: taking in what programs push, and what they ask of it.
//! - [`holding`]: having intakes wait for room in the database.
//! - [`source_progress`]: how far the sources of runs are.
//! - [`standing`]: how far runs are, for whoever watches them.
//! - [`standstill`]: why no record of a run is signed.
//! - [`export`], [`audit`]: reading a run back, in streams.
//! - [`roots`], [`statements`]: what is stated of a run.

mod answer;
pub mod audit;
pub mod connect;
pub mod data_keys;
pub mod dead_letters;
pub mod delivery;
mod digests;
pub mod error;
pub mod export;
pub mod generated;
pub mod holding;
mod identity;
pub mod input;
pub mod intake;
pub mod keyring;
pub mod lease;
mod lent;
pub mod letters;
pub mod logins;
pub mod migrate;
mod new_run;
pub mod notifications;
mod open_leases;
pub mod owner;
mod parts;
pub mod policy;
mod pooling;
pub mod pushing;
pub mod query;
pub mod results;
pub mod roots;
mod row;
pub mod run;
pub mod run_secrets;
pub mod sinks;
pub mod source_progress;
pub mod standing;
pub mod standstill;
pub mod statements;

pub use connect::{GivenUrl, Ledger, LedgerUrl};
pub use data_keys::{NewDataKey, StoredDataKey, WrappedBy};
pub use delivery::DeliverySession;
pub use error::StoreError;
pub use input::{DeadLetter, Idempotency, Input, Pushed, SourceOfRun, Sources};
pub use intake::IntakeSession;
pub use keyring::Keyring;
pub use lease::SignerSession;
pub use logins::RunLogin;
pub use new_run::{KeyringWanted, NewInput, NewRun};
pub use notifications::{NotificationOfRun, Notifications};
pub use open_leases::OpenLease;
pub use owner::{Limits, Object, Owner};
pub use policy::{NewPolicy, PolicyText, RunPolicy};
pub use run::{ArrivalCounts, Progress, Run};
pub use run_secrets::RunSecret;
pub use sinks::{SinkOfRun, SinkProgress, Sinks};
