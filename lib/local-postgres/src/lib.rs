//! A PostgreSQL server of one's own, made from the distribution's binaries.
//!
//! The server keeps its data in a folder and is reachable only through a Unix socket in a
//! directory that no other user can enter; it needs no fixed port, no configuration of the
//! machine and no running database. It works for root as well, as an unprivileged account.
//!
//! - [`LocalPostgres`] is kept between runs, can be shared by several processes at once and
//!   is stopped by the last of them.
//! - [`ThrowAway`] is for tests: fast, unsafe against power loss, and gone with the process
//!   that started it, however that process ends.
//!
//! Everything here blocks; asynchronous callers wrap it (`tokio::task::spawn_blocking`).
//!
//! # Files
//!
//! For a data directory `dir/postgres` these stand beside it in `dir`: `postgres.conf` (the
//! settings, written anew at each start), `postgres.hba` (who may log in), `postgres.log`, `postgres.socket/`,
//! `postgres.lock` and `postgres.users` (who starts, who uses), and, only where needed,
//! `postgres.socket-dir` and `postgres.moved`, each with the path of a private directory
//! that could not be here.

mod account;
mod address;
mod binaries;
mod cluster;
mod config;
mod error;
mod initdb;
mod locks;
mod pid_file;
mod place;
mod postmaster;
mod private_dir;
mod runner;
mod server;
mod standby;
mod template;
mod throw_away;

pub use binaries::{MINIMUM_MAJOR, PgBinaries, find_binaries};
pub use error::Error;
pub use server::{LocalPostgres, ServerOptions};
pub use throw_away::ThrowAway;

/// The roles in which the logins of runs are, where a server has them: they log in with a password.
pub const RUNS: [&str; 3] = ["chancery_signer", "chancery_intake", "chancery_delivery"];

/// The name of the superuser of every server that this crate starts.
pub const SUPERUSER: &str = "chancery";
