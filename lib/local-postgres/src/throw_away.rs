//! A server for tests that is gone with its process.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::address::{self, PORT};
use crate::cluster::{Cluster, Stop};
use crate::config::Kind;
use crate::error::{Error, io_error};
use crate::locks::{self, Turn};
use crate::pid_file::{self, State};
use crate::place::{beside, resolve};
use crate::postmaster::wait_until_gone;
use crate::private_dir;
use crate::server::ServerOptions;

const PREFIX: &str = "throw-away-";

/// A server in a fresh folder, for one process only.
///
/// It trades safety against power loss for speed (`fsync` and `full_page_writes` are off;
/// a crash of the server alone still loses nothing), and it ends when this value is dropped
/// or when the process ends in any way, SIGKILL included: the kernel then tells the server
/// to quit. What such a process leaves in the folder is swept by the next to start there.
#[derive(Debug)]
pub struct ThrowAway {
    cluster: Cluster,
    options: ServerOptions,
    home: PathBuf,
    /// Locked while this process lives, so that nobody sweeps the folder.
    _alive: File,
}

impl ThrowAway {
    /// Sweeps what the dead left in `parent_dir`, then starts a server with an empty cluster
    /// in a folder of its own there. `options.data_dir` does not matter.
    ///
    /// # Errors
    ///
    /// As for [`LocalPostgres::start`](crate::LocalPostgres::start); `setpriv` (package
    /// `util-linux`) is needed in any case.
    pub fn start(parent_dir: &Path, options: ServerOptions) -> Result<ThrowAway, Error> {
        Self::made_by(parent_dir, options, |data| Cluster::prepare(data, Kind::ThrowAway))
    }

    /// The same, with a copy of a cluster that is made once for all that name this folder of templates.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_copy(
        parent_dir: &Path,
        templates: &Path,
        options: ServerOptions,
    ) -> Result<ThrowAway, Error> {
        Self::made_by(parent_dir, options, |data| Cluster::prepare_copy(data, templates))
    }

    /// Starts a standby that follows this server by streaming. The options have to allow at least as many
    /// connections as this server's.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); `pg_basebackup` is needed (Debian: `postgresql-client`).
    pub fn start_standby(&self, parent_dir: &Path, options: ServerOptions) -> Result<ThrowAway, Error> {
        let primary = self.conninfo("postgres");
        Self::made_by(parent_dir, options, |data| Cluster::prepare_standby(data, &primary))
    }

    fn made_by(
        parent_dir: &Path,
        options: ServerOptions,
        make: impl FnOnce(&Path) -> Result<Cluster, Error>,
    ) -> Result<ThrowAway, Error> {
        let (home, alive) = claim_home(parent_dir)?;
        let started = make(&home.join("data")).and_then(|cluster| cluster.start(&options).map(|()| cluster));
        match started {
            Ok(cluster) => Ok(ThrowAway { cluster, options, home, _alive: alive }),
            Err(error) => {
                remove_home(&home);
                Err(error)
            }
        }
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

    /// Ends the server as in a crash, for tests of faults; the data stay.
    ///
    /// # Errors
    ///
    /// If the server does not stop.
    pub fn stop_immediate(&self) -> Result<(), Error> {
        self.cluster.stop(Stop::Immediate)
    }

    /// Starts the server again after it was stopped.
    ///
    /// # Errors
    ///
    /// If the server does not start.
    pub fn start_again(&self) -> Result<(), Error> {
        self.cluster.start(&self.options)
    }

    /// Stops the server and removes its folder. Dropping does the same.
    ///
    /// # Errors
    ///
    /// If the server does not stop.
    pub fn stop(self) -> Result<(), Error> {
        self.cluster.stop(Stop::Immediate)
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        if self.cluster.stop(Stop::Immediate).is_ok() {
            remove_home(&self.home);
        }
    }
}

/// Makes a folder that says by a lock that its process lives.
fn claim_home(parent_dir: &Path) -> Result<(PathBuf, File), Error> {
    let lock = resolve(&parent_dir.join("throw-away.lock"))?;
    let parent = lock.parent().unwrap_or(parent_dir);
    // Held until the folder is locked: in between it would look like one of the dead.
    let _turn = Turn::take(&lock)?;
    sweep(parent);

    // Root's server account has to pass through, and must not change names in it.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    let home = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .permissions(fs::Permissions::from_mode(mode))
        .tempdir_in(parent)
        .map_err(io_error("create a folder in", parent))?;
    let alive_file = home.path().join("alive");
    let alive = locks::open(&alive_file)?;
    alive.lock().map_err(io_error("lock", &alive_file))?;
    Ok((home.keep(), alive))
}

/// Removes the folders of processes that are gone, and ends servers that are still there.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_string_lossy().starts_with(PREFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let home = entry.path();
        // Without the file, its process died before it could lock it.
        let alive = File::open(home.join("alive"));
        if alive.is_err() || alive.is_ok_and(|file| file.try_lock().is_ok()) {
            end_server(&home);
            remove_home(&home);
        }
    }
}

/// The kernel has told the server to quit already, unless its process died before that was
/// arranged for.
fn end_server(home: &Path) {
    let wanted = home.join("data");
    let moved = private_dir::recorded(&beside(&wanted, "moved"), geteuid().as_raw());
    for data in [Some(wanted), moved.map(|it| it.join("data"))].into_iter().flatten() {
        if let Ok(State::Running { pid, .. }) = pid_file::state(&data)
            && let Ok(raw) = i32::try_from(pid)
        {
            let _ = kill(Pid::from_raw(raw), Signal::SIGQUIT);
            wait_until_gone(pid, &data, Duration::from_secs(10));
        }
    }
}

fn remove_home(home: &Path) {
    let wanted = home.join("data");
    private_dir::remove(&beside(&wanted, "socket-dir"));
    private_dir::remove(&beside(&wanted, "moved"));
    // Another user's leftovers cannot be removed, and are in nobody's way.
    let _ = fs::remove_dir_all(home);
}
