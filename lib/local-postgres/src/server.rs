//! A server that keeps its data and that several processes can share.

use std::path::{Path, PathBuf};

use crate::address::{self, PORT};
use crate::cluster::{Cluster, Stop};
use crate::config::Kind;
use crate::error::Error;
use crate::locks::{Share, Turn};
use crate::pid_file::State;
use crate::place::{beside, resolve};

/// What a server is started with.
///
/// Who joins a server that runs already gets it with the options it was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// The folder for the data; it and the folders above it are created.
    pub data_dir: PathBuf,
    /// How many sessions there can be at once.
    pub max_connections: u32,
    /// More settings by their names in PostgreSQL, over the defaults of this crate. Those
    /// that decide who can reach the server cannot be changed.
    pub settings: Vec<(String, String)>,
}

impl ServerOptions {
    /// The defaults, with the data in this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> ServerOptions {
        ServerOptions { data_dir: data_dir.into(), max_connections: 200, settings: Vec::new() }
    }
}

impl Default for ServerOptions {
    /// Data in `.chancery/postgres` of the working directory.
    fn default() -> ServerOptions {
        ServerOptions::new(".chancery/postgres")
    }
}

/// One user's share in a private server that outlives none of its users.
///
/// Any number of processes, or parts of one, can have a share in the same data directory;
/// the first starts the server, the last to leave stops it. A user that is killed counts
/// as having left; if it was the last, the server runs on until the next user comes, joins
/// it and stops it at the end.
///
/// # Where the data and the socket are
///
/// Root runs the server as the user `postgres`, or `nobody`, or the owner of data that
/// exist already. If that user may not pass through the folders above the data, the server
/// gets the one capability that lets it (`CAP_DAC_READ_SEARCH`, else `CAP_DAC_OVERRIDE`).
/// Where not even that can be had, the data go to a private folder below `/var/tmp` or the
/// temporary folder, and [`note`](Self::note) says so.
///
/// The path of a Unix socket is limited to 107 bytes. If the data directory is too deep for
/// that, or has a comma in its path (clients split hosts there), the socket is in a private folder below the temporary folder, whose path is kept
/// in a file beside the data.
#[derive(Debug)]
pub struct LocalPostgres {
    cluster: Cluster,
    options: ServerOptions,
    turn: PathBuf,
    share: Option<Share>,
}

impl LocalPostgres {
    /// Takes a share in the server of `options.data_dir`: creates the cluster if there is
    /// none, starts the server if it does not run, and returns when it takes connections.
    ///
    /// # Errors
    ///
    /// Each [`Error`] says what was tried, what PostgreSQL said and what to do; nothing
    /// half-made is left behind.
    pub fn start(options: ServerOptions) -> Result<LocalPostgres, Error> {
        let wanted = resolve(&options.data_dir)?;
        let turn_file = beside(&wanted, "lock");
        let turn = Turn::take(&turn_file)?;
        let share = Share::take(&beside(&wanted, "users"))?;
        let cluster = Cluster::prepare(&wanted, Kind::Kept)?;
        cluster.start(&options)?;
        drop(turn);
        Ok(LocalPostgres { cluster, options, turn: turn_file, share: Some(share) })
    }

    /// The directory that holds the server's socket.
    pub fn socket_dir(&self) -> &Path {
        self.cluster.socket_dir()
    }

    /// The number in the socket's file name.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The address of a database, as sqlx and libpq read it. `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        address::url(self.socket_dir(), database)
    }

    /// The address of a database in libpq's keyword form, for `psql` and `pg_dump`.
    pub fn conninfo(&self, database: &str) -> String {
        address::conninfo(self.socket_dir(), database)
    }

    /// The directory that holds the data; see [`note`](Self::note) if it is another than
    /// the one asked for.
    pub fn data_dir(&self) -> &Path {
        self.cluster.data_dir()
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.cluster.log()
    }

    /// Something that a person should be told, such as data that had to go elsewhere.
    pub fn note(&self) -> Option<String> {
        self.cluster.note().map(str::to_owned)
    }

    /// The server's process, or `None` if it does not run.
    ///
    /// # Errors
    ///
    /// If the server's status file cannot be read.
    pub fn server_pid(&self) -> Result<Option<u32>, Error> {
        Ok(match self.cluster.state()? {
            State::Running { pid, ready: _ } => Some(pid),
            State::Stopped => None,
        })
    }

    /// Gives the share back; the last user stops the server and waits until it is gone.
    ///
    /// Dropping does the same but cannot report an error.
    ///
    /// # Errors
    ///
    /// If the server does not stop; the share is given back all the same.
    pub fn stop(mut self) -> Result<(), Error> {
        self.leave()
    }

    fn leave(&mut self) -> Result<(), Error> {
        let Some(share) = self.share.take() else {
            return Ok(());
        };
        let turn = Turn::take(&self.turn)?;
        if share.leave(&turn)? {
            self.cluster.stop(Stop::Fast)?;
            self.cluster.tidy();
        }
        Ok(())
    }

    /// Ends the server as in a crash, for all its users: for tests of faults.
    ///
    /// # Errors
    ///
    /// If the server does not stop.
    pub fn stop_immediate(&self) -> Result<(), Error> {
        let _turn = Turn::take(&self.turn)?;
        self.cluster.stop(Stop::Immediate)
    }

    /// Starts the server again after it was stopped, from within or without.
    ///
    /// # Errors
    ///
    /// If the server does not start.
    pub fn start_again(&self) -> Result<(), Error> {
        let _turn = Turn::take(&self.turn)?;
        self.cluster.start(&self.options)
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}
