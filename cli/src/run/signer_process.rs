//! One signer process: the very program that a pod runs.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use chancery_keyring::DataKey;
use chancery_process::{LogFormat, STANDARD_INPUT};
use chancery_store::Run;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// What every signer of a run is started with.
#[derive(Clone, Debug)]
pub(crate) struct SignerCommand {
    program: PathBuf,
    namespace: String,
    run: String,
    run_uid: String,
    database_url: String,
    data_key: Arc<DataKey>,
    log_format: LogFormat,
}

/// A signer that was started.
#[derive(Debug)]
pub(crate) struct SignerProcess {
    /// Its name in the lease log: no two processes ever have the same.
    pub(crate) holder: String,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl SignerCommand {
    /// `database_url` has the login of the run, and never that of the owner.
    pub(crate) fn new(
        run: &Run,
        database_url: String,
        data_key: &Arc<DataKey>,
        log_format: LogFormat,
    ) -> Self {
        Self {
            program: program(),
            namespace: run.namespace.clone(),
            run: run.name.clone(),
            run_uid: run.uid.to_string(),
            database_url,
            data_key: Arc::clone(data_key),
            log_format,
        }
    }

    /// Starts a signer. It ends by itself should this process die, because its standard input closes. The first line of
    /// that is the data key: it is in no file, and nobody else can read it there.
    pub(crate) async fn start(&self, holder: String) -> io::Result<SignerProcess> {
        let mut command = Command::new(&self.program);
        command
            .args(["--run", &self.run, "--run-uid", &self.run_uid])
            .args(["--namespace", &self.namespace, "--holder", &holder])
            .args(["--log-format", self.log_format.flag(), "--stop-with-stdin"])
            .args(["--data-key-file", STANDARD_INPUT])
            // Not on the command line, where everybody could read a password.
            .env("DATABASE_URL", &self.database_url)
            .env_remove("CHANCERY_KEK_FILE")
            .env_remove("CHANCERY_FORMER_KEK_FILES")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C goes to the whole foreground group: the signers are to hear of it from us.
            .process_group(0);
        if env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        let mut child = command.spawn()?;
        self.hand_over_data_key(&mut child).await?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
        Ok(SignerProcess { holder, child, lines: BufReader::new(stderr).lines() })
    }
}

impl SignerCommand {
    async fn hand_over_data_key(&self, child: &mut Child) -> io::Result<()> {
        let stdin = child.stdin.as_mut().ok_or_else(|| io::Error::other("no standard input"))?;
        let written = async {
            stdin.write_all(self.data_key.to_base64().as_bytes()).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        match written.await {
            // It has ended already, and its end tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

impl SignerProcess {
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

/// `CHANCERY_SIGNER`, or the program beside this one.
fn program() -> PathBuf {
    if let Some(program) = env::var_os("CHANCERY_SIGNER") {
        return program.into();
    }
    let here = env::current_exe().unwrap_or_default();
    here.with_file_name("chancery-signer")
}
