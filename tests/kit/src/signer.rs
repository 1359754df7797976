//! A real signer process.

use std::path::Path;
use std::process::Stdio;

use chancery_store::LedgerUrl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::programs::program;

/// A signer that was started; killed when dropped.
#[derive(Debug)]
pub struct SignerProcess {
    /// Its name in the lease log.
    pub holder: String,
    child: Child,
}

impl SignerProcess {
    /// Starts a signer for `default/{run}` on the ledger at the given URL, whose login is the run's.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(
        url: &str,
        run: &str,
        holder: &str,
        data_key_file: &Path,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let _well_formed: LedgerUrl = url.parse()?;
        let child = Command::new(program("chancery-signer"))
            .args(["--run", run, "--holder", holder, "--data-key-file"])
            .arg(data_key_file)
            .args(more)
            .env("DATABASE_URL", url)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { holder: holder.to_owned(), child })
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.pid()?), signal)?;
        Ok(())
    }

    /// Its process id.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn pid(&self) -> anyhow::Result<i32> {
        let id = self.child.id().ok_or_else(|| anyhow::anyhow!("signer {} has ended", self.holder))?;
        Ok(id.try_into()?)
    }

    /// Waits for its end: its exit code, or none when a signal ended it.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn exit_code(&mut self) -> anyhow::Result<Option<i32>> {
        Ok(self.ended().await?.0)
    }

    /// Waits for its end: its exit code, and what it logged.
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
