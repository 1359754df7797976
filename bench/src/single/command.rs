//! The very command that a person types.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use chancery_kit::{program, stock};
use chancery_process::peak_memory_kib;
use chancery_store::Run;
use serde_json::Value;
use tokio::process::Command;

use crate::signers::peak_memory_mib;
use crate::site::Site;
use crate::work::Work;

/// How often the command's memory is looked at; the kernel keeps the most it has had.
const LOOK: Duration = Duration::from_millis(20);

/// What `chancery run` came to.
pub(crate) struct Ran {
    /// The run, still in the ledger.
    pub(crate) run: Run,
    pub(crate) seeding_seconds: f64,
    rate: Option<f64>,
    audit_seconds: Option<f64>,
    pub(crate) signer_mib: f64,
    pub(crate) command_mib: f64,
}

impl Ran {
    /// Signatures per second, from the start of the first signer to the end of the last.
    pub(crate) fn rate(&self) -> anyhow::Result<f64> {
        self.rate.context("nothing was signed")
    }

    /// Seconds from the end of the last signer to the end of the audit.
    pub(crate) fn audit_seconds(&self) -> anyhow::Result<f64> {
        self.audit_seconds.context("nothing was audited")
    }
}

/// Seeds, while the run is suspended.
pub(crate) async fn seed(site: &Site, work: &Work) -> anyhow::Result<Ran> {
    run(site, work, true, &["--skip-audit"]).await
}

/// Seeds, and then signs with two signers. One command does both at once, and so tells no rate of signing alone:
/// here it is one command each, and the keys, which signers make while they sign, are there before the second. Without the audit.
pub(crate) async fn seed_and_sign(site: &Site, work: &Work) -> anyhow::Result<Ran> {
    sign(site, work, &["--skip-audit"]).await
}

/// The same by so many signers, with the audit, which begins while they sign.
pub(crate) async fn seed_sign_and_audit(site: &Site, work: &Work, signers: u32) -> anyhow::Result<Ran> {
    sign(site, work, &["--signers", &signers.to_string()]).await
}

async fn sign(site: &Site, work: &Work, more: &[&str]) -> anyhow::Result<Ran> {
    let seeded = seed(site, work).await?;
    stock(&site.ledger, &seeded.run, &site.kek).await?;
    let signed = run(site, work, false, more).await?;
    Ok(Ran {
        seeding_seconds: seeded.seeding_seconds,
        command_mib: seeded.command_mib.max(signed.command_mib),
        ..signed
    })
}

async fn run(site: &Site, work: &Work, suspend: bool, more: &[&str]) -> anyhow::Result<Ran> {
    // One in another envelope is another run, beside it.
    let name = format!("bench-{}", work.envelope.to_lowercase());
    let manifest = site.folder().join("run.yaml");
    let brought = site.folder().join("brought");
    if suspend && brought.exists() {
        // Of the run before, which had the same name.
        fs::remove_dir_all(&brought)?;
    }
    fs::create_dir_all(&brought)?;
    fs::write(&manifest, work.manifest(&name, suspend, &brought))?;
    let mut child = Command::new(program("chancery"))
        .args(["--log-format", "json", "run", "--output", "json", "--file"])
        .arg(&manifest)
        .args(more)
        .arg("--kek-file")
        .arg(&site.kek_file)
        .env("DATABASE_URL", &site.url)
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().context("a process")?;
    let mut command_kib = 0;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let text = tokio::spawn(read(stdout));
    let log = tokio::spawn(read(stderr));
    let status = loop {
        tokio::select! {
            ended = child.wait() => break ended?,
            () = tokio::time::sleep(LOOK) => command_kib = command_kib.max(peak_memory_kib(pid).unwrap_or_default()),
        }
    };
    let (text, log) = (text.await??, log.await??);
    ensure!(status.success(), "the run failed: {log}");
    let result: Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    Ok(Ran {
        run: site.ledger.find_run("default", &name).await?,
        seeding_seconds: result["seedingSeconds"].as_f64().context("seedingSeconds")?,
        rate: result["signaturesPerSecond"].as_f64(),
        audit_seconds: result["auditSeconds"].as_f64(),
        signer_mib: peak_memory_mib(&log),
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        command_mib: command_kib as f64 / 1024.0,
    })
}

async fn read(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> anyhow::Result<String> {
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut pipe.context("a pipe")?, &mut text).await?;
    Ok(text)
}
