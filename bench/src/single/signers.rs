//! Signer processes, started one by one: the program that a pod runs.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chancery_kit::SignerProcess;
use chancery_store::logins::sessions_for;
use chancery_store::{LedgerUrl, Run};
use serde_json::Value;

use crate::cpu::Cpu;
use crate::site::{OWNER, Site};
use crate::waits::Waits;

/// What signing a run came to.
pub(crate) struct Signed {
    /// From before the first signer was started to the end of the last.
    pub(crate) seconds: f64,
    /// Signatures per second, by the ledger: from the first lease to the last stored batch.
    pub(crate) rate: f64,
    /// The same without their start and without the end, when some have nothing left to do.
    pub(crate) steady_rate: f64,
    /// The most memory that one of them had.
    pub(crate) signer_mib: f64,
    /// Processor time meanwhile; that of signers is in `children`.
    pub(crate) cpu: Cpu,
    /// How long slots waited for leases, until most of the run was signed.
    pub(crate) waits: Waits,
}

/// Has so many signers sign a run that is seeded.
pub(crate) async fn sign(site: &Site, run: &Run, signers: u32) -> anyhow::Result<Signed> {
    sign_and_look(site, run, signers, true).await
}

/// The same without a look at the ledger meanwhile, which PostgreSQL would count too: `waits` stays empty.
pub(crate) async fn sign_unseen(site: &Site, run: &Run, signers: u32) -> anyhow::Result<Signed> {
    sign_and_look(site, run, signers, false).await
}

async fn sign_and_look(site: &Site, run: &Run, signers: u32, look: bool) -> anyhow::Result<Signed> {
    let listens = free_addresses(signers)?;
    let data_key_file = site.data_key_file(run).await?;
    let (before, began) = (site.cpu()?, Instant::now());
    let login = site.ledger.make_login(run, sessions_for(signers)).await?;
    let url = site.url.parse::<LedgerUrl>()?.for_login(&login)?;
    let mut processes = Vec::new();
    for (number, listen) in listens.iter().enumerate() {
        let (holder, listen) = (format!("{}-{number}", run.name), listen.to_string());
        let more = ["--log-format", "json", "--listen", &listen];
        processes.push(SignerProcess::start(&url, &run.name, &holder, &data_key_file, &more)?);
    }
    let waits = if look { late_waits(site, run, &listens).await? } else { Waits::default() };
    let mut signer_mib: f64 = 0.0;
    for process in &mut processes {
        let (code, log) = process.ended().await?;
        ensure!(code == Some(0), "{} ended with {code:?}: {log}", process.holder);
        signer_mib = signer_mib.max(peak_memory_mib(&log));
    }
    let seconds = began.elapsed().as_secs_f64();
    // Sessions end a moment after the processes that they are of.
    until_sessions_ended(site).await?;
    let cpu = site.cpu()? - before;
    let signing = site.ledger.times(run).await?.signing_seconds.unwrap_or(f64::NAN);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let rate = records(run)? as f64 / signing;
    let steady_rate = steady_rate(site, run).await?;
    Ok(Signed { seconds, rate, steady_rate, signer_mib, cpu, waits })
}

/// Asks each signer once, when nine tenths of the batches have been leased.
async fn late_waits(site: &Site, run: &Run, listens: &[SocketAddr]) -> anyhow::Result<Waits> {
    const LOOK: Duration = Duration::from_millis(50);
    let began = Instant::now();
    let batches =
        site.number(&format!("SELECT batches FROM chancery.admissions WHERE run_id = {}", run.id)).await?;
    let leased = format!(
        "SELECT coalesce(max(use_sequence), 0) FROM chancery.leases WHERE keyring_id = {}",
        run.keyring.id
    );
    while site.number(&leased).await? < batches * 0.9 {
        ensure!(began.elapsed() < Duration::from_secs(1_800), "the run does not come to its end");
        tokio::time::sleep(LOOK).await;
    }
    let mut waits = Waits::default();
    for listen in listens {
        // One that has ended already tells nothing.
        waits.add(*listen).await;
    }
    Ok(waits)
}

async fn until_sessions_ended(site: &Site) -> anyhow::Result<()> {
    let sessions = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> '{OWNER}'"
    );
    let began = Instant::now();
    while site.number(&sessions).await? > 0.0 {
        ensure!(began.elapsed() < Duration::from_secs(60), "sessions of signers do not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Signatures per second from when a fifth of the batches was signed until all but a twentieth were; NaN of too few: without
/// the time in which the signers start, and without that in which the last batches run out.
async fn steady_rate(site: &Site, run: &Run) -> anyhow::Result<f64> {
    let sql = format!(
        "SELECT 0.75 * {} / nullif(extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY signed_at)
                                             - percentile_disc(0.2) WITHIN GROUP (ORDER BY signed_at)), 0)
           FROM chancery.leases WHERE run_id = {}",
        records(run)?,
        run.id
    );
    Ok(site.number_or_none(&sql).await?.unwrap_or(f64::NAN))
}

fn records(run: &Run) -> anyhow::Result<i64> {
    run.sealed_records.context("the records of the run are not all there")
}

/// The kernel does not give the same port out twice while all are held.
fn free_addresses(count: u32) -> anyhow::Result<Vec<SocketAddr>> {
    let held = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    Ok(held.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

/// The largest that a signer says of itself at its end.
pub(crate) fn peak_memory_mib(log: &str) -> f64 {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|event| event["peak_memory_kib"].as_f64())
        .fold(0.0, f64::max)
        / 1024.0
}
