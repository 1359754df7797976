//! One cluster: made once, configured and started as often as need be, stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::address::PORT;
use crate::config::{self, Kind};
use crate::error::{Error, io_error, last_lines};
use crate::initdb::create;
use crate::pid_file::{self, State};
use crate::place::{Place, beside, is_cluster};
use crate::postmaster;
use crate::private_dir;
use crate::runner::run;
use crate::server::ServerOptions;
use crate::standby;
use crate::template;

/// The checkpoint at a clean end writes all that is in memory, on a slow disk for minutes.
const STOP_SECONDS: u64 = 300;

/// How long the workers of a killed server are given to notice and end.
const ORPHANS: Duration = Duration::from_secs(30);

/// What PostgreSQL says while they still work (`CreateLockFile` in `miscinit.c`).
const ORPHANS_AT_WORK: &str = "shared memory block";

/// How a server is asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    /// Ends sessions, writes a checkpoint.
    Fast,
    /// As in a crash; the next start replays the log.
    Immediate,
}

/// A cluster and where its socket is.
#[derive(Debug)]
pub(crate) struct Cluster {
    place: Place,
    kind: Kind,
    socket_dir: PathBuf,
}

impl Cluster {
    /// Makes the cluster that is asked for at `wanted` (resolved) if there is none yet.
    /// Only one process at a time may do this.
    pub(crate) fn prepare(wanted: &Path, kind: Kind) -> Result<Cluster, Error> {
        let place = Place::choose(wanted)?;
        if !is_cluster(&place.data) {
            create(&place, kind)?;
        }
        let socket_dir = place.socket_dir()?;
        Ok(Cluster { place, kind, socket_dir })
    }

    /// Makes a copy of a cluster of the folder `templates`, in an empty place.
    pub(crate) fn prepare_copy(wanted: &Path, templates: &Path) -> Result<Cluster, Error> {
        let place = Place::choose(wanted)?;
        template::copy(&place, templates)?;
        let socket_dir = place.socket_dir()?;
        Ok(Cluster { place, kind: Kind::ThrowAway, socket_dir })
    }

    /// Makes a standby of the server whose database `postgres` is at `conninfo`, in an empty place.
    pub(crate) fn prepare_standby(wanted: &Path, conninfo: &str) -> Result<Cluster, Error> {
        let place = Place::choose(wanted)?;
        standby::copy(&place, conninfo)?;
        let socket_dir = place.socket_dir()?;
        Ok(Cluster { place, kind: Kind::ThrowAway, socket_dir })
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.place.data
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    pub(crate) fn note(&self) -> Option<&str> {
        self.place.note.as_deref()
    }

    pub(crate) fn log(&self) -> PathBuf {
        beside(&self.place.data, "log")
    }

    pub(crate) fn state(&self) -> Result<State, Error> {
        pid_file::state(&self.place.data)
    }

    /// Starts the server unless it runs, and returns when it takes connections.
    pub(crate) fn start(&self, options: &ServerOptions) -> Result<(), Error> {
        if let State::Running { .. } = self.state()?
            && postmaster::wait_until_ready(&self.place.data)?.is_some()
        {
            if UnixStream::connect(self.socket("")).is_ok() {
                return Ok(());
            }
            // Left behind with a socket that is gone, such as one in a cleaned temporary
            // folder: nobody can reach it any more.
            self.stop(Stop::Fast)?;
        }
        self.disown_mistaken_file()?;
        // The same mistake is possible here, and this directory is only for this server,
        // which the other file guards.
        let _ = fs::remove_file(self.socket("lock"));

        let deadline = Instant::now() + ORPHANS;
        loop {
            match self.spawn(options) {
                Err(Error::Start { said, .. })
                    if said.contains(ORPHANS_AT_WORK) && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(50));
                }
                result => return result,
            }
        }
    }

    /// The socket, or with an ending a file beside it.
    fn socket(&self, ending: &str) -> PathBuf {
        let name = format!(".s.PGSQL.{PORT}.{ending}");
        self.socket_dir.join(name.trim_end_matches('.'))
    }

    /// See [`pid_file::is_mistaken`]. Done as the server's user, in whose folder root has
    /// no business writing.
    fn disown_mistaken_file(&self) -> Result<(), Error> {
        let file = pid_file::path(&self.place.data);
        if !pid_file::is_mistaken(&self.place.data) {
            return Ok(());
        }
        let mut sed = self.place.runner.command(Path::new("sed"));
        let output = run(sed.args(["-i", pid_file::DISOWN]).arg(&file))?;
        if output.status.success() {
            return Ok(());
        }
        let said = std::io::Error::other(last_lines(&output.stderr));
        Err(io_error("change the stale file", &file)(said))
    }

    fn spawn(&self, options: &ServerOptions) -> Result<(), Error> {
        let config = self.configure(options)?;
        let postgres = self.place.binaries.program("postgres");
        let runner = &self.place.runner;
        let mut command = match self.kind {
            Kind::Kept => runner.command(&postgres),
            Kind::ThrowAway => runner.bound_command(&postgres),
        };
        let mut config_file = std::ffi::OsString::from("config_file=");
        config_file.push(config);
        command.arg("-D").arg(&self.place.data);
        command.arg("-c").arg(config_file);
        postmaster::start(command, &self.place.data, &self.log()).inspect_err(|_| {
            // One that hangs on its way up must not stand in the way of the next attempt.
            let _ = self.stop(Stop::Immediate);
        })
    }

    /// Writes the configuration beside the data and not in them: whatever the server's user
    /// does in its own folder, root never writes there.
    fn configure(&self, options: &ServerOptions) -> Result<PathBuf, Error> {
        let ServerOptions { data_dir: _, max_connections, settings } = options;
        let (path, logins) = (beside(&self.place.data, "conf"), beside(&self.place.data, "hba"));
        let text = config::render(self.kind, *max_connections, settings, &self.socket_dir, &logins)?;
        for (path, text) in [(&logins, config::logins()), (&path, text)] {
            fs::write(path, text).map_err(io_error("write", path))?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))
                .map_err(io_error("open for the server's user", path))?;
        }
        Ok(path)
    }

    /// Stops the server if it runs, and returns when its process is gone.
    pub(crate) fn stop(&self, how: Stop) -> Result<(), Error> {
        let State::Running { pid, .. } = self.state()? else {
            return Ok(());
        };
        let data = &self.place.data;
        let mut command = self.place.runner.command(&self.place.binaries.program("pg_ctl"));
        command
            .arg("stop")
            .arg("-D")
            .arg(data)
            .args(["-s", "-w", "-t", &STOP_SECONDS.to_string(), "-m"])
            .arg(match how {
                Stop::Fast => "fast",
                Stop::Immediate => "immediate",
            });
        let output = run(&mut command)?;
        // Judged by the process and not by the exit status: a server that ends on its own
        // in this very moment makes `pg_ctl` fail.
        if postmaster::wait_until_gone(pid, data, Duration::from_secs(10)) {
            return Ok(());
        }
        Err(Error::Stop { data_dir: data.clone(), pid, said: last_lines(&output.stderr) })
    }

    /// Removes what a stopped server does not need.
    pub(crate) fn tidy(&self) {
        private_dir::remove(&beside(&self.place.data, "socket-dir"));
    }
}
