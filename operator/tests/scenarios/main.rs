//! Reconciling, scenario by scenario, with an API server in memory and a real ledger: what is asked of
//! the API server, in which order, and what it comes to.

mod allowed;
mod audits;
mod beside;
mod clock;
mod cluster;
mod completion;
mod conflicts;
mod crashes;
mod database;
mod dead_signers;
mod deletion;
mod events;
mod fake;
mod fresh;
mod invalid;
mod kek;
mod keyrings;
mod leader;
mod life;
mod mutants;
mod refusals;
mod secrets;
mod signers;
mod stale;
mod standstill;
mod statements;
mod status;
mod suspension;
mod test_operator;
mod two_operators;
mod unreadable;
mod unseen;
mod world;
