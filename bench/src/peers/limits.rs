//! What bounds everybody: a database that is asked for nothing but batches, and a library that only signs.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use chancery_keyring::Algorithm;
use chancery_local_postgres::find_binaries;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use super::keys::new_key;
use super::rounds::{Extent, Tell};
use super::server::Server;
use super::work::Work;
use crate::{Samples, crypto_mb};

/// Sessions at once: batches that two signers have in hand.
const SESSIONS: &str = "2";

/// Something that only does a part of the work.
#[derive(Debug)]
pub struct Limit {
    /// What is measured.
    pub what: &'static str,
    /// How.
    pub how: String,
    /// Signatures per second; none where it is not installed.
    pub rates: Samples,
}

/// As often as the peers are.
///
/// # Errors
///
/// Something is installed and fails.
pub async fn measure(
    server: &Server,
    work: Work,
    extent: Extent,
    tell: Tell<'_>,
) -> anyhow::Result<Vec<Limit>> {
    let mut limits = vec![of_the_database(server, work, extent).await?];
    if work.algorithm == Algorithm::Rs256 {
        limits.push(tokio::task::spawn_blocking(move || of_crypto_mb(extent)).await??);
    }
    for Limit { what, how, rates } in &limits {
        tell(format!("{}: {what}, {how}: {:.0}/s", work.algorithm, rates.median()));
    }
    Ok(limits)
}

/// PostgreSQL's `pgbench` with the least that a batch asks for.
async fn of_the_database(server: &Server, work: Work, extent: Extent) -> anyhow::Result<Limit> {
    let mut limit = Limit {
        what: "the database alone, by pgbench",
        how: format!(
            "{SESSIONS} sessions; per batch of {} a key is taken, and all signatures are stored as one row, which waits for \
             the disk",
            work.batch
        ),
        rates: Samples::default(),
    };
    let pgbench = find_binaries()?.program("pgbench");
    if !pgbench.is_file() {
        return Ok(limit);
    }
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("batch.sql");
    fs::write(&script, include_str!("../../peers/sql/bare_batch.pgbench"))?;
    for _ in 0..extent.rounds {
        let url = server.create("bare", None).await?;
        let rate = bare(server, &url, &pgbench, &script, work, extent.seconds).await;
        server.drop("bare").await?;
        limit.rates.add(rate?);
    }
    Ok(limit)
}

async fn bare(
    server: &Server,
    url: &str,
    pgbench: &Path,
    script: &Path,
    work: Work,
    seconds: f64,
) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(include_str!("../../peers/sql/bare_schema.sql")).execute(&mut connection).await?;
    let length: i32 = if work.algorithm == Algorithm::Rs256 { 256 } else { 64 };
    sqlx::query(include_str!("../../peers/sql/bare_seed.sql"))
        .bind(i32::try_from(work.keys)?)
        .bind(i32::try_from(work.batch)? * length)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    server.settle().await?;
    let output = Command::new(pgbench)
        .args(["--no-vacuum", "--protocol", "prepared", "--client", SESSIONS, "--jobs", SESSIONS])
        .args(["--time", &seconds.ceil().to_string(), "--file"])
        .arg(script)
        .arg(url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    let batches =
        said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
    Ok(batches.with_context(|| format!("pgbench said no rate: {said}"))? * work.batch as f64)
}

/// Its own rate, on every core at once.
fn of_crypto_mb(extent: Extent) -> anyhow::Result<Limit> {
    let cores = available_parallelism()?.get();
    let how = format!("{cores} threads that only sign, without blinding and verification");
    let mut rates = Samples::default();
    if crypto_mb::is_there() {
        let key = crypto_mb::Key::new(&new_key(Algorithm::Rs256)?.0)?;
        // Eights that take so long at 8,000 signatures per second.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
        let eights = (extent.seconds * 1_000.0).ceil() as usize;
        for _ in 0..extent.rounds {
            let nanoseconds = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| key.nanoseconds(eights))).collect();
                let ended = threads
                    .into_iter()
                    .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread failed"))?);
                ended.collect::<anyhow::Result<Vec<f64>>>()
            })?;
            rates.add(nanoseconds.iter().map(|each| 1e9 / each).sum());
        }
    }
    Ok(Limit { what: "crypto_mb alone", how, rates })
}
