//! A signer as a pod starts it: by its environment, and nothing else.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use chancery_kit::{SeededRun, program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// What a pod is to be like.
pub(crate) struct PodSpec {
    command: Command,
    folder: TempDir,
}

impl PodSpec {
    /// The environment that the operator gives to every signer.
    pub(crate) fn of(run: &SeededRun<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program("chancery-signer"));
        command
            .env_clear()
            .env("CHANCERY_RUN", &run.run.name)
            .env("CHANCERY_NAMESPACE", &run.run.namespace)
            .env("CHANCERY_HOLDER", "demo-signer-x7k2p/0b8f5a4e-64a8-4c3c-9a5e-2f8f3f2f9c11")
            .env("CHANCERY_DATA_KEY_FILE", &run.data_key_file)
            .env("DATABASE_URL", run.url()?)
            .env("CHANCERY_LOG_FORMAT", "json")
            .env("CHANCERY_GRACE", "15")
            .env("CHANCERY_STOPPED_EXIT", "130")
            .env("CHANCERY_TERMINATION_LOG", folder.path().join("termination-log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(Self { command, folder })
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Serves its metrics at a port that is free.
    pub(crate) fn listening(self) -> Self {
        self.with("CHANCERY_LISTEN", "127.0.0.1:0")
    }

    pub(crate) fn start(mut self) -> anyhow::Result<Pod> {
        let mut child = self.command.spawn()?;
        let stderr = child.stderr.take().context("standard error is piped")?;
        let termination_log = self.folder.path().join("termination-log");
        Ok(Pod { child, lines: BufReader::new(stderr).lines(), termination_log, _folder: self.folder })
    }
}

/// One that was started; killed when dropped.
pub(crate) struct Pod {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    termination_log: PathBuf,
    _folder: TempDir,
}

impl Pod {
    /// Waits for the address that it listens at.
    pub(crate) async fn address(&mut self) -> anyhow::Result<SocketAddr> {
        while let Some(line) = self.lines.next_line().await? {
            let event: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if event["message"] == "listening" {
                return Ok(event["address"].as_str().context("an address")?.parse()?);
            }
        }
        anyhow::bail!("it ended before it listened")
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(self.pid()?), signal)?)
    }

    pub(crate) fn pid(&self) -> anyhow::Result<i32> {
        Ok(self.child.id().context("it has ended")?.try_into()?)
    }

    /// Waits for its end: its exit code, and the rest of its log.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<(Option<i32>, String)> {
        let mut log = String::new();
        while let Some(line) = self.lines.next_line().await? {
            log.push_str(&line);
            log.push('\n');
        }
        Ok((self.child.wait().await?.code(), log))
    }

    /// What it left for whoever looks at the pod; none when it wrote nothing.
    pub(crate) fn last_words(&self) -> Option<String> {
        read(&self.termination_log)
    }
}

fn read(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok()
}
