//! A server of the cluster: ended with the value that holds it, and with this process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How soon the end of a server is noticed.
const POLL: Duration = Duration::from_millis(20);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    log: PathBuf,
    stop: Option<Sender<()>>,
    guard: Option<JoinHandle<()>>,
}

impl ServerProcess {
    /// Starts it, its output in the given log.
    ///
    /// A thread of its own starts it and waits for its end: a death signal is bound to the thread that
    /// starts a process, and a test's own thread ends long before the process of all tests.
    pub(crate) fn start(program: &Path, arguments: &[String], log: PathBuf) -> anyhow::Result<Self> {
        let output = File::create(&log)?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let (tell, started) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        let guard = thread::Builder::new().name("cluster-server".to_owned()).spawn(move || {
            match command.spawn() {
                Ok(child) => {
                    let _ = tell.send(Ok(()));
                    guard(child, &stopped);
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            };
        })?;
        started.recv()??;
        Ok(Self { log, stop: Some(stop), guard: Some(guard) })
    }

    /// Whether it still runs.
    pub(crate) fn runs(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| !guard.is_finished())
    }

    /// The last lines that it wrote.
    pub(crate) fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

fn guard(mut child: Child, stopped: &mpsc::Receiver<()>) {
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if !matches!(stopped.recv_timeout(POLL), Err(RecvTimeoutError::Timeout)) {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(guard) = self.guard.take() {
            let _ = guard.join();
        }
    }
}
