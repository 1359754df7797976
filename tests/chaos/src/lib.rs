//! Runs under faults, judged by more than what is stored.
//!
//! A seed decides upon a run of 20,000 records or more, upon up to two more that share its keyring, upon
//! whether they read files or a bucket ([`input`]), whether what they sign is brought elsewhere ([`output`]), who looks after their signers, and upon which faults come when ([`schedule`]). The faults are brought about on real signer processes, a real
//! PostgreSQL and a proxy between them ([`inject`], [`proxy`]). Each run that no fault deletes
//! must then complete by itself, and is judged ([`judge`]) by `chancery verify`, by an audit program that shares no code with this
//! project, by what was seen committed while it ran ([`watch`]), and by the instants at which signers
//! had keys in their hands ([`journal`]).
//!
//! `docs/internals/evidence.md` says what was found.

mod clock;
pub mod fault;
pub mod inject;
pub mod input;
pub mod journal;
pub mod judge;
pub mod keeper;
mod of_a_run;
mod of_sinks;
mod of_sources;
pub mod output;
pub mod place;
pub mod play;
pub mod proxy;
pub mod pushing;
pub mod schedule;
pub mod signers;
pub mod totals;
pub mod watch;
