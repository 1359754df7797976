//! How soon the first signature of a large run is stored, its keys and its records made meanwhile.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chancery_bench::{Bound, Effort, Figure, Measured, Samples};
use chancery_kit::program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::site::Site;
use crate::work::Work;

const NAME: &str = "bench";
const KEYS: u32 = 100;

/// How often the ledger is asked, and for how long.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

const STORED: &str = "SELECT EXISTS (SELECT FROM chancery.leases l JOIN chancery.runs r ON r.id = l.run_id
                       WHERE r.name = $1 AND l.outcome = 'signed')";

/// From the start of `chancery run` to the first stored batch. The ledger is there; the run, its 100 RSA keys and its
/// million records are not.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let work = Work::new("RS256", effort.of(1_000_000, 10_000), KEYS, 100);
    let manifest = site.folder().join("run.yaml");
    fs::write(&manifest, work.manifest(NAME, false, site.folder()))?;
    let mut samples = Samples::default();
    for _ in 0..effort.pairs {
        let began = Instant::now();
        let mut command = start(&site, &manifest)?;
        let stored = stored(&site, &mut command, began).await;
        stop(command).await?;
        samples.add(stored?);
        site.delete(&site.ledger.find_run("default", NAME).await?).await?;
    }
    let title = "seconds from `chancery run` to the first stored signature, 1,000,000 records, 100 RSA keys";
    Ok(Figure::new(title, samples, Bound::AtMost(1.0)).into())
}

fn start(site: &Site, manifest: &std::path::Path) -> anyhow::Result<Child> {
    let mut command = Command::new(program("chancery"));
    command.args(["run", "--file"]).arg(manifest).arg("--kek-file").arg(&site.kek_file);
    command.env("DATABASE_URL", &site.url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.kill_on_drop(true).spawn()?)
}

/// Seconds until a batch is stored.
async fn stored(site: &Site, command: &mut Child, began: Instant) -> anyhow::Result<f64> {
    loop {
        if sqlx::query_scalar(STORED).bind(NAME).fetch_one(site.ledger.pool()).await? {
            return Ok(began.elapsed().as_secs_f64());
        }
        ensure!(command.try_wait()?.is_none() && began.elapsed() < PATIENCE, "nothing was stored");
        tokio::time::sleep(LOOK).await;
    }
}

async fn stop(mut command: Child) -> anyhow::Result<()> {
    let pid = command.id().context("a process")?;
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
    command.wait().await?;
    Ok(())
}
