//! The program under measurement: the very command that a person types, on a private PostgreSQL.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// `chancery` with a ledger of its own, which is kept from run to run.
pub(crate) struct Chancery {
    program: PathBuf,
    folder: TempDir,
}

/// What is to be signed.
pub(crate) struct Manifest {
    pub(crate) records: u64,
    pub(crate) keys: u32,
    pub(crate) batch: u32,
    pub(crate) algorithm: &'static str,
    pub(crate) suspend: bool,
}

/// What a run told.
pub(crate) struct Run {
    pub(crate) seeding_seconds: f64,
    rate: Option<f64>,
    pub(crate) signer_memory_mib: f64,
}

impl Run {
    /// Signatures a second.
    pub(crate) fn rate(&self) -> anyhow::Result<f64> {
        self.rate.context("nothing was signed")
    }
}

impl Chancery {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let program = env::current_exe()?.with_file_name("chancery");
        ensure!(program.is_file(), "{} is not built: make build", program.display());
        Ok(Self { program, folder: tempfile::tempdir()? })
    }

    /// Signs a run, and removes it.
    pub(crate) fn run(&self, manifest: &Manifest) -> anyhow::Result<Run> {
        let Manifest { records, keys, batch, algorithm, suspend } = manifest;
        let path = self.folder.path().join("run.yaml");
        fs::write(
            &path,
            format!(
                "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun\nmetadata: {{name: bench}}\nspec: {{recordCount: \
                 {records}, keyCount: {keys}, batchSize: {batch}, algorithm: {algorithm}, parallelism: 2, suspend: {suspend}}}\n"
            ),
        )?;
        let output = self
            .command()
            .args(["--log-format", "json", "run", "--skip-audit", "--output", "json", "--file"])
            .arg(&path)
            .output()?;
        let log = String::from_utf8(output.stderr)?;
        ensure!(output.status.success(), "the run failed: {log}");
        let stdout = String::from_utf8(output.stdout)?;
        let result: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default())?;
        let deleted = self.command().args(["delete", "bench"]).output()?;
        ensure!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
        Ok(Run {
            seeding_seconds: result["seedingSeconds"].as_f64().context("seedingSeconds")?,
            rate: result["signaturesPerSecond"].as_f64(),
            signer_memory_mib: peak_memory_kib(&log) / 1024.0,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_remove("DATABASE_URL")
            .env("CHANCERY_DATA_DIR", self.folder.path().join("data"))
            .env("RUST_LOG", "info");
        command
    }
}

/// The largest that a signer says of itself at its end.
fn peak_memory_kib(log: &str) -> f64 {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|event| event["peak_memory_kib"].as_f64())
        .fold(0.0, f64::max)
}
