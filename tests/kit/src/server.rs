//! The PostgreSQL server of a test process.

use std::path::PathBuf;
use std::sync::LazyLock;

use chancery_local_postgres::{ServerOptions, ThrowAway};

/// Enough for the largest test: 64 signers with two connections each, beside the others.
const CONNECTIONS: u32 = 400;

/// The server that all tests of this process share. The kernel ends it with the process.
pub fn server() -> &'static ThrowAway {
    static SERVER: LazyLock<ThrowAway> = LazyLock::new(throw_away);
    &SERVER
}

/// A server of one's own, for a test that stops it, fills its disk, or the like.
///
/// # Panics
///
/// When there is no PostgreSQL on the machine.
#[must_use]
pub fn throw_away() -> ThrowAway {
    ThrowAway::start_copy(&folder(), &templates(), options())
        .expect("PostgreSQL starts; `make setup` installs it")
}

pub(crate) fn options() -> ServerOptions {
    // Each test leaves a database behind, and each database is visited once in this time: by default, several a second.
    let settings = vec![("autovacuum_naptime".to_owned(), "10min".to_owned())];
    ServerOptions { max_connections: CONNECTIONS, settings, ..ServerOptions::default() }
}

/// A server on which nothing happens by itself, for a test that counts what happens. Waits for the disk are real, or
/// the server would not count them, and its writer of WAL leaves them to the sessions.
///
/// # Panics
///
/// When there is no PostgreSQL on the machine.
#[must_use]
pub fn quiet_server() -> ThrowAway {
    server_with(&[
        ("autovacuum", "off"),
        ("checkpoint_timeout", "1d"),
        ("bgwriter_lru_maxpages", "0"),
        ("fsync", "on"),
        ("wal_writer_delay", "10s"),
    ])
}

/// A server whose log names each statement after the program that sent it: `PROGRAM|LOG:  statement: …`.
///
/// # Panics
///
/// When there is no PostgreSQL on the machine.
#[must_use]
pub fn talkative_server() -> ThrowAway {
    server_with(&[("log_statement", "all"), ("log_line_prefix", "%a|")])
}

/// A server with these settings of its own.
///
/// # Panics
///
/// When there is no PostgreSQL on the machine.
#[must_use]
pub fn server_with(settings: &[(&str, &str)]) -> ThrowAway {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ThrowAway::start_copy(&folder(), &templates(), ServerOptions { settings, ..ServerOptions::default() })
        .expect("PostgreSQL starts; `make setup` installs it")
}

/// Where all test processes, one after the other, find the cluster that their servers begin with.
fn templates() -> PathBuf {
    folder().join("templates")
}

/// Servers of test processes that have ended are swept from here by the next.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join("chancery-tests");
    std::fs::create_dir_all(&folder).expect("a folder for servers");
    folder
}
