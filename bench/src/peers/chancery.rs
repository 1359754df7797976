//! Chancery under the same conditions: the very command that a person types, on the server of the peers.

use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::fs;
use tokio::process::Command;
use tokio::time::timeout;

use super::peer::beside_us;
use super::server::Server;
use super::work::Work;

/// The run that is measured.
const NAME: &str = "peers";

/// For one command, which takes some seconds.
const PATIENCE: Duration = Duration::from_secs(300);

/// `chancery` with a database of its own on the server.
#[derive(Debug)]
pub struct Chancery {
    folder: TempDir,
    url: String,
}

impl Chancery {
    /// Makes the database.
    ///
    /// # Errors
    ///
    /// The server is not there, or the program.
    pub async fn new(server: &Server) -> anyhow::Result<Self> {
        let program = beside_us("chancery");
        ensure!(program.is_file(), "chancery is not built: make build");
        Ok(Self { folder: tempfile::tempdir()?, url: server.create("chancery", None).await? })
    }

    /// Seeds a run, signs it with two signers, and removes it. Records per second, from the start of the first signer
    /// to the end of the last: with their start, unlike a peer's, and without the seeding and the making of keys, which is done by
    /// then as a peer's is. With `audit`, every signature is verified, too.
    ///
    /// # Errors
    ///
    /// The run or its audit fails.
    pub async fn run(&self, server: &Server, work: Work, audit: bool) -> anyhow::Result<f64> {
        self.fill(work).await?;
        done(self.signing(NAME, work, true).await?).await?;
        server.settle().await?;
        let mut command = self.signing(NAME, work, false).await?;
        if !audit {
            command.arg("--skip-audit");
        }
        let output = done(command).await?;
        let stdout = String::from_utf8(output.stdout)?;
        let result: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default())?;
        self.delete(NAME).await?;
        result["signaturesPerSecond"].as_f64().context("signaturesPerSecond")
    }

    /// Has signers make the keys, by a run on the same keyring, which is not complete before.
    async fn fill(&self, work: Work) -> anyhow::Result<()> {
        let one = Work { records: 1, batch: 1, ..work };
        done(self.signing("keys", one, false).await?).await?;
        self.delete("keys").await
    }

    async fn delete(&self, run: &str) -> anyhow::Result<()> {
        let mut delete = self.command();
        delete.args(["delete", run]);
        done(delete).await.map(|_| ())
    }

    /// `chancery run`: while the run is suspended, it only makes records.
    async fn signing(&self, run: &str, work: Work, suspend: bool) -> anyhow::Result<Command> {
        let Work { algorithm, records, keys, batch } = work;
        let keyring = algorithm.to_string().to_lowercase();
        let manifest = self.folder.path().join("run.yaml");
        let text = format!(
            "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun\nmetadata: {{name: {run}}}\nspec: {{recordCount: \
             {records}, keyringRef: {{name: {keyring}}}, keyCount: {keys}, batchSize: {batch}, algorithm: {algorithm}, \
             parallelism: 2, suspend: {suspend}}}\n"
        );
        fs::write(&manifest, text).await?;
        let mut command = self.command();
        command.args(["run", "--output", "json", "--file"]).arg(&manifest);
        Ok(command)
    }

    fn command(&self) -> Command {
        // It has no standard input to watch: the kernel ends it with us.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM"])
            .arg(beside_us("chancery"))
            .env("DATABASE_URL", &self.url)
            .env("CHANCERY_DATA_DIR", self.folder.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

async fn done(mut command: Command) -> anyhow::Result<Output> {
    let output = timeout(PATIENCE, command.output()).await.context("chancery takes too long")?;
    let output = output.context("there is no setpriv (Debian: util-linux)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "chancery failed: {said}");
    Ok(output)
}
