//! A program that this command starts, watches and ends.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use chancery_process::Exit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};

/// A program that was started.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    /// Its name in the ledger: no two processes ever have the same.
    pub(crate) holder: String,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl ChildProcess {
    /// Starts it. It ends by itself should this process die, because its standard input closes: it has to be told
    /// `--stop-with-stdin`.
    pub(crate) fn start(mut command: Command, holder: String) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C goes to the whole foreground group: the children are to hear of it from us.
            .process_group(0);
        if env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        let mut child = command.spawn()?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
        Ok(Self { holder, child, lines: BufReader::new(stderr).lines() })
    }

    /// Its standard input.
    pub(crate) fn stdin(&mut self) -> io::Result<&mut ChildStdin> {
        self.child.stdin.as_mut().ok_or_else(|| io::Error::other("no standard input"))
    }

    /// The next line that it logs; none once it has closed its standard error, which is when it ends.
    pub(crate) async fn next_line(&mut self) -> Option<String> {
        self.lines.next_line().await.ok().flatten()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended this moment: then there is nothing to do.
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, holder = self.holder, "could not be killed");
        }
    }

    /// Asks it to finish or give back what it has in hand, and to end.
    pub(crate) fn ask_to_stop(&self) {
        let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) else { return };
        // It may have ended this moment: then there is nothing to ask for.
        if let Err(error) = kill(Pid::from_raw(pid), Signal::SIGTERM) {
            tracing::debug!(%error, holder = self.holder, "could not be asked to stop");
        }
    }
}

/// The program that is named, or the one of this name beside this one.
pub(crate) fn program(named: Option<OsString>, name: &str) -> PathBuf {
    named.map_or_else(|| env::current_exe().unwrap_or_default().with_file_name(name), PathBuf::from)
}

/// Unique across machines, commands, kinds of programs, their numbers and restarts, because a name that came back could
/// make a living one look like a dead one.
pub(crate) fn holder_name(number: impl std::fmt::Display, starts: u32) -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let started = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    format!("{host}/{}-{started:x}/{number}.{starts}", std::process::id())
}

/// What the program said by its end.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) if code == Exit::TryAgain.code() => Exit::TryAgain,
        Some(code) if code == Exit::NoRoom.code() => Exit::NoRoom,
        Some(code) if code == Exit::NeverWorks.code() => Exit::NeverWorks,
        _ => Exit::Failed,
    }
}
