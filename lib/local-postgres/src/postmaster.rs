//! The server process itself: spawned, waited for, and known to be gone.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, io_error, last_lines};
use crate::pid_file::{self, State};
use crate::runner::cannot_run;

/// How often a state that nothing announces is looked at again.
const POLL: Duration = Duration::from_millis(10);

/// A server after a crash first replays its log, which can take minutes. One that fails
/// ends, and is noticed at once.
const START: Duration = Duration::from_secs(600);

/// A server log above this size is set aside when the server starts.
const LOG_MAX: u64 = 16 << 20;

/// Spawns the server and waits until it takes connections.
///
/// A thread of its own spawns it and then waits for its end: a death signal is bound to the
/// spawning thread, which therefore must live as long as this process; and a server that
/// others stop leaves no zombie behind.
pub(crate) fn start(command: Command, data: &Path, log: &Path) -> Result<(), Error> {
    let (mut command, log_before) = logged(command, log)?;
    // Out of reach of the terminal's Ctrl-C, which is meant for the program.
    command.process_group(0);

    let (tell_pid, spawned) = mpsc::channel();
    let (tell_end, ended) = mpsc::channel::<()>();
    thread::Builder::new()
        .name("postmaster".to_owned())
        .spawn(move || {
            match command.spawn() {
                Ok(mut child) => {
                    let _ = tell_pid.send(Ok(child.id()));
                    let _ = child.wait();
                }
                Err(source) => {
                    let _ = tell_pid.send(Err(cannot_run(&command, source)));
                }
            }
            drop(tell_end);
        })
        .map_err(io_error("start a thread for", data))?;
    let failed = || Error::Start {
        data_dir: data.to_path_buf(),
        log: log.to_path_buf(),
        said: said_since(log, log_before),
    };
    let pid = spawned.recv().map_err(|_| failed())??;

    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        // A file left by an earlier server can say "ready" until this one replaces it.
        match pid_file::state(data)? {
            State::Running { pid: it, ready } if it == pid && ready => return Ok(()),
            _ => {}
        }
        // The thread hangs up when the process has ended and was waited for.
        if ended.recv_timeout(POLL) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
    }
    Err(failed())
}

/// Waits until a server that somebody else has started takes connections; `None` if it
/// ends instead.
pub(crate) fn wait_until_ready(data: &Path) -> Result<Option<u32>, Error> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        match pid_file::state(data)? {
            State::Stopped => return Ok(None),
            State::Running { pid, ready: true } => return Ok(Some(pid)),
            State::Running { ready: false, .. } => thread::sleep(POLL),
        }
    }
    Ok(None)
}

/// Waits until the server's process is gone; PostgreSQL removes its files a moment earlier.
pub(crate) fn wait_until_gone(pid: u32, data: &Path, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while pid_file::is_server(pid, data) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

/// Sends the output of a command to the log; says how long the log was before.
fn logged(mut command: Command, log: &Path) -> Result<(Command, u64), Error> {
    if fs::metadata(log).is_ok_and(|found| found.len() > LOG_MAX) {
        fs::rename(log, log.with_extension("log.old")).map_err(io_error("set aside", log))?;
    }
    let file =
        OpenOptions::new().create(true).append(true).open(log).map_err(io_error("write to the log", log))?;
    let length = file.metadata().map_err(io_error("read", log))?.len();
    let copy = file.try_clone().map_err(io_error("write to", log))?;
    command.stdout(Stdio::from(file)).stderr(Stdio::from(copy));
    Ok((command, length))
}

fn said_since(log: &Path, start: u64) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = fs::File::open(log)
        && file.seek(SeekFrom::Start(start)).is_ok()
    {
        let _ = file.read_to_end(&mut text);
    }
    last_lines(&text)
}
