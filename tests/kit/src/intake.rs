//! A real intake process.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::programs::program;

/// An intake that was started; killed when dropped.
#[derive(Debug)]
pub struct IntakeProcess {
    child: Child,
}

impl IntakeProcess {
    /// Starts an intake for `default/{run}` on the ledger at the given URL, whose login is the run's, with more variables in
    /// its environment.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(url: &str, run: &str, holder: &str, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_with(url, run, holder, &[], environment)
    }

    /// Starts one with more arguments.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_with(
        url: &str,
        run: &str,
        holder: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let child = Command::new(program("chancery-intake"))
            .args(["--run", run, "--holder", holder])
            .args(more)
            .env("DATABASE_URL", url)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child })
    }

    pub(crate) const fn of(child: Child) -> Self {
        Self { child }
    }

    /// Ends it at once (SIGKILL), and waits for that.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop (SIGTERM).
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(self.pid()?);
        Ok(nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?)
    }

    pub(crate) fn pid(&self) -> anyhow::Result<i32> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.ok_or_else(|| anyhow::anyhow!("the program has ended"))
    }

    /// Waits for its end: its exit code, or none when a signal ended it, and what it logged.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> anyhow::Result<(Option<i32>, String)> {
        let mut log = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut log).await?;
        }
        Ok((self.child.wait().await?.code(), log))
    }
}
