//! Counts that do not depend on how fast a machine is, each held below a bound: round trips and
//! transactions per batch, bytes of WAL, allocations and instructions per record. No test here measures time.
//!
//! `make counts` prints every count beside its bound, and so renews `bounds.rs`.

mod allocations;
mod bounds;
mod callgrind;
mod instructions;
mod keys;
mod ledger;
mod proxy;
