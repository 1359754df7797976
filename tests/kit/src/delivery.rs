//! A real delivery process.

use std::process::Stdio;

use tokio::process::Command;

use crate::intake::IntakeProcess;
use crate::programs::program;

/// A delivery that was started; killed when dropped.
#[derive(Debug)]
pub struct DeliveryProcess(IntakeProcess);

impl DeliveryProcess {
    /// Starts a delivery for `default/{run}` on the ledger at the given URL, whose login is the run's, with more arguments, and more
    /// variables in its environment. It has one sender per sink unless they say otherwise, so that each step is there each time.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(
        url: &str,
        run: &str,
        holder: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let child = Command::new(program("chancery-delivery"))
            .args(["--run", run, "--holder", holder])
            .args(if more.contains(&"--senders") { &[][..] } else { &["--senders", "1"] })
            .args(more)
            .env("DATABASE_URL", url)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self(IntakeProcess::of(child)))
    }

    /// Its process.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn pid(&self) -> anyhow::Result<i32> {
        self.0.pid()
    }

    /// Ends it at once (SIGKILL), and waits for that.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn kill(self) -> anyhow::Result<()> {
        self.0.kill().await
    }

    /// Asks it to stop (SIGTERM).
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.0.terminate()
    }

    /// Waits for its end: its exit code, or none when a signal ended it, and what it logged.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn ended(&mut self) -> anyhow::Result<(Option<i32>, String)> {
        self.0.ended().await
    }
}
