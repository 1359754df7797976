//! The processes of a peer. They end with this one: their standard input does.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::peer::{Peer, Setting};
use super::work::Work;

/// For a worker to end by itself once its standard input is gone.
const GRACE: Duration = Duration::from_secs(5);

/// For a queue to make its tables and jobs.
const PREPARATION: Duration = Duration::from_secs(120);

/// How a peer's program is started.
pub(super) struct Launch<'a> {
    pub(super) peer: Peer,
    pub(super) setting: Setting,
    pub(super) work: Work,
    pub(super) url: &'a str,
}

/// Running workers.
pub(super) struct Workers {
    children: Vec<Child>,
    said: TempDir,
}

impl Launch<'_> {
    /// Tells the peer's queue of the batches.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let output = timeout(PREPARATION, self.command("prepare")?.stdin(Stdio::null()).output()).await??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} could not prepare: {said}", self.peer.name());
        Ok(())
    }

    /// Starts all processes of the setting.
    pub(super) fn start(&self) -> anyhow::Result<Workers> {
        let mut workers = Workers { children: Vec::new(), said: tempfile::tempdir()? };
        for number in 0..self.setting.processes {
            let said = File::create(workers.said_by(number))?;
            let mut command = self.command("work")?;
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said);
            workers.children.push(command.spawn().context("starting a worker")?);
        }
        Ok(workers)
    }

    fn command(&self, what: &str) -> anyhow::Result<Command> {
        let (program, arguments) = self.peer.program()?;
        let Work { algorithm, records: _, keys: _, batch } = self.work;
        let Setting { processes: _, concurrency, fetch, pool } = self.setting;
        let order = json!({
            "algorithm": algorithm.name(), "batch": batch, "batches": self.work.batches(),
            "concurrency": concurrency, "fetch": fetch, "pool": pool,
        });
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(what)
            .env("PEER", order.to_string())
            .env("DATABASE_URL", self.url)
            .env("NODE_ENV", "production")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("UV_THREADPOOL_SIZE", pool.max(1).to_string())
            .kill_on_drop(true);
        Ok(command)
    }
}

impl Workers {
    /// An error if one of them has ended: they are meant to wait for more work.
    pub(super) fn all_run(&mut self) -> anyhow::Result<()> {
        for number in 0..self.children.len() {
            if let Some(status) = self.children[number].try_wait()? {
                bail!("a worker ended ({status}): {}", self.said());
            }
        }
        Ok(())
    }

    /// What they wrote to standard error.
    pub(super) fn said(&self) -> String {
        let texts = (0..self.children.len() as u64)
            .filter_map(|number| fs::read_to_string(self.said_by(number)).ok());
        texts
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" | ")
    }

    /// Ends them, and waits until they are gone.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in &mut self.children {
            if timeout(GRACE, child.wait()).await.is_err() {
                child.kill().await?;
            }
        }
        Ok(())
    }

    fn said_by(&self, number: u64) -> PathBuf {
        self.said.path().join(number.to_string())
    }
}
