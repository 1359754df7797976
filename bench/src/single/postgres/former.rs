//! What a batch takes of PostgreSQL's processor time beside what it takes of it in another build, in turn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, ensure};
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};
use chancery_kit::program;
use chancery_local_postgres::{LocalPostgres, ServerOptions};
use chancery_process::create_kek_file;
use chancery_store::LedgerUrl;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::cpu;

/// Names the folder of the other build: `chancery` and the programs that it starts.
const FORMER: &str = "CHANCERY_FORMER";

/// Algorithms and records, in batches of 100.
const WORK: [(&str, u64); 2] = [("RS256", 100_000), ("EdDSA", 400_000)];
const BATCH: u64 = 100;

/// Between these shares of its batches a run is looked at: sessions have started by then, and none has ended.
const FROM: f64 = 0.2;
const TO: f64 = 0.9;

/// How often the ledger is asked, and for how long.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(600);

/// Nothing where there is no other build.
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
pub(crate) async fn measure(effort: Effort) -> Measured {
    let Some(former) = env::var_os(FORMER).map(PathBuf::from) else {
        eprintln!("skipped: {FORMER} names no folder with the programs of another build");
        return Ok(Outcome::default());
    };
    let former = former.join("chancery");
    let (mut outcome, now) = (Outcome::default(), program("chancery"));
    let mut table = Table::new(
        "Processor milliseconds of signers' sessions per batch of 100, medians:",
        &["algorithm", "now", "the other build"],
    );
    for (algorithm, records) in WORK {
        let records = effort.of(records, 20 * BATCH);
        let (mut shares, mut ours, mut theirs) = (Samples::default(), Samples::default(), Samples::default());
        for _ in 0..effort.pairs {
            let own = milliseconds(&now, algorithm, records).await?;
            let other = milliseconds(&former, algorithm, records).await?;
            shares.add(own / other);
            ours.add(own);
            theirs.add(other);
        }
        table.row([algorithm.into(), ours.median().into(), theirs.median().into()]);
        let title = format!(
            "{algorithm}, batches of 100: PostgreSQL's processor time per batch, now / the other build"
        );
        outcome.figures.push(Figure::new(title, shares, Bound::AtMost(0.5)));
    }
    Ok(Outcome { tables: vec![table], ..outcome })
}

/// Processor milliseconds of the sessions of this build's two signers per batch, on a server of its own.
async fn milliseconds(chancery: &Path, algorithm: &str, records: u64) -> anyhow::Result<f64> {
    let place = Place::start(algorithm, records).await?;
    let seeded = place.run(chancery, true)?.wait_with_output().await?;
    ensure!(seeded.status.success(), "{}: {}", chancery.display(), String::from_utf8_lossy(&seeded.stderr));
    let mut child = place.run(chancery, false)?;
    let measured = place.between(&mut child, records / BATCH).await;
    let ended = child.wait_with_output().await?;
    ensure!(ended.status.success(), "{}: {}", chancery.display(), String::from_utf8_lossy(&ended.stderr));
    measured
}

/// A server without a ledger, and a manifest that both builds understand.
struct Place {
    url: String,
    kek_file: PathBuf,
    // Dropped after the server in it.
    _server: LocalPostgres,
    folder: TempDir,
}

impl Place {
    async fn start(algorithm: &str, records: u64) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = ServerOptions::new(folder.path().join("postgres"));
        let server = tokio::task::spawn_blocking(|| LocalPostgres::start(options)).await??;
        let url = server.url("chancery");
        url.parse::<LedgerUrl>()?.create_database().await?;
        let kek_file = folder.path().join("kek");
        create_kek_file(&kek_file)?;
        for suspend in [true, false] {
            let manifest = format!(
                "apiVersion: chancery.dev/v1alpha1\nkind: SigningRun\nmetadata: {{name: bench}}\nspec: {{recordCount: {records}, \
                 keyCount: 20, batchSize: {BATCH}, algorithm: {algorithm}, parallelism: 2, suspend: {suspend}}}\n"
            );
            fs::write(folder.path().join(format!("{suspend}.yaml")), manifest)?;
        }
        Ok(Self { url, kek_file, _server: server, folder })
    }

    fn run(&self, chancery: &Path, suspend: bool) -> anyhow::Result<Child> {
        Command::new(chancery)
            .args(["run", "--skip-audit", "--output", "json", "--file"])
            .arg(self.folder.path().join(format!("{suspend}.yaml")))
            .arg("--kek-file")
            .arg(&self.kek_file)
            .env("DATABASE_URL", &self.url)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", chancery.display()))
    }

    /// By what sessions of signers, which have logins of their own, spent between two moments of the run.
    async fn between(&self, child: &mut Child, batches: u64) -> anyhow::Result<f64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let [from, to] = [FROM, TO].map(|share| share * batches as f64);
        let (mut began, asked) = (None, Instant::now());
        loop {
            let leased: f64 =
                sqlx::query_scalar("SELECT coalesce(max(use_sequence), 0)::float8 FROM chancery.leases")
                    .fetch_one(&mut connection)
                    .await?;
            match &began {
                None if leased >= from => began = Some((leased, sessions(&mut connection).await?)),
                Some((then, before)) if leased >= to => {
                    let after = sessions(&mut connection).await?;
                    ensure!(after.keys().eq(before.keys()), "a session of a signer came or went meanwhile");
                    let spent = after.values().sum::<f64>() - before.values().sum::<f64>();
                    return Ok(spent * 1e3 / (leased - then));
                }
                _ => {}
            }
            ensure!(
                child.try_wait()?.is_none() && asked.elapsed() < PATIENCE,
                "the run does not come so far"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Processor seconds until now of each session of a signer, by the process that it is.
async fn sessions(connection: &mut PgConnection) -> anyhow::Result<BTreeMap<i32, f64>> {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user",
    )
    .fetch_all(connection)
    .await?;
    pids.into_iter().map(|pid| Ok((pid, cpu::of(pid).context("the session goes on")?))).collect()
}
