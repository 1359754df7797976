//! Where processor time goes within signers and PostgreSQL, by samples that `perf` takes of what this process
//! and the server start meanwhile, and of nobody else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::site::Site;

/// How long `perf` may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// `perf`, while it takes samples.
pub(crate) struct Profile {
    perf: Child,
    samples: PathBuf,
    /// What it says, should it end too soon.
    said: PathBuf,
}

impl Profile {
    /// None where there is no `perf`, or where it may not look.
    pub(crate) async fn start(site: &Site) -> anyhow::Result<Option<Self>> {
        let samples = site.folder().join("samples");
        let parents = format!("{},{}", std::process::id(), site.postmaster()?);
        let record = |more: &[&str]| {
            let mut perf = Command::new("perf");
            perf.args(["record", "-e", "cpu-clock", "-F", "499", "-p", &parents, "-o"])
                .arg(&samples)
                .args(more);
            perf.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            perf
        };
        let may = record(&["--", "true"]).status().await;
        if !may.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let (said, [orders, answers]) =
            (site.folder().join("perf"), ["orders", "answers"].map(|it| site.folder().join(it)));
        mkfifo(&orders, Mode::S_IRWXU)?;
        mkfifo(&answers, Mode::S_IRWXU)?;
        let control = format!("--control=fifo:{},{}", orders.display(), answers.display());
        let perf = record(&["--delay=-1", &control]).stderr(File::create(&said)?).spawn()?;
        // What is started before it watches is not seen, or not known by its name.
        // For both ways, so that opening does not wait for perf.
        let mut orders = pipe::OpenOptions::new().read_write(true).open_sender(&orders)?;
        let mut answers = pipe::OpenOptions::new().read_write(true).open_receiver(&answers)?;
        orders.write_all(b"enable\n").await?;
        let answer = timeout(PATIENCE, answers.read_u8()).await;
        ensure!(answer.is_ok(), "perf does not begin: {}", fs::read_to_string(&said)?);
        Ok(Some(Self { perf, samples, said }))
    }

    /// Percent of the samples of signers and PostgreSQL by what they were doing.
    pub(crate) async fn end(mut self) -> anyhow::Result<BTreeMap<&'static str, f64>> {
        if let Some(ended) = self.perf.try_wait()? {
            bail!("perf ended by itself with {ended}: {}", fs::read_to_string(&self.said)?);
        }
        let pid = self.perf.id().context("perf runs")?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGINT)?;
        self.perf.wait().await?;
        let report = Command::new("perf")
            .args([
                "report",
                "--stdio",
                "--no-children",
                "-g",
                "none",
                "--sort",
                "comm,dso,sym",
                "-t",
                ";",
                "-i",
            ])
            .arg(&self.samples)
            .stderr(Stdio::null())
            .output()
            .await?;
        ensure!(report.status.success(), "perf cannot read what it recorded");
        let report = String::from_utf8_lossy(&report.stdout);
        let shares = shares(&report);
        ensure!(
            !shares.is_empty(),
            "perf saw neither signers nor PostgreSQL: {}{report}",
            fs::read_to_string(&self.said)?
        );
        Ok(shares)
    }
}

fn shares(report: &str) -> BTreeMap<&'static str, f64> {
    let mut shares = BTreeMap::new();
    for line in report.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let [percent, command, library, function, ..] = fields[..] else { continue };
        if let (Ok(percent), Some(kind)) =
            (percent.trim_end_matches('%').parse::<f64>(), kind(command, library, function))
        {
            *shares.entry(kind).or_insert(0.0) += percent;
        }
    }
    let whole: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share *= 100.0 / whole);
    shares
}

/// None for what is neither a signer nor PostgreSQL.
fn kind(command: &str, library: &str, function: &str) -> Option<&'static str> {
    let kernel = library.contains("kernel");
    let has = |words: &[&str]| words.iter().any(|word| function.contains(word));
    if command == "postgres" {
        return Some(match () {
            () if kernel => "PostgreSQL: kernel (sockets, files, scheduling)",
            () if library.contains("plpgsql") => "PostgreSQL: functions and planning",
            () if has(&["XLog", "WAL", "crc32c"]) => "PostgreSQL: WAL",
            () if has(&["_bt_", "btinsert", "heap", "Buffer", "page", "Page", "tuple", "Tuple"]) => {
                "PostgreSQL: tables and indexes"
            }
            () if has(&[
                "Exec", "exec", "plan", "Plan", "fmgr", "Expr", "expr", "query", "Query", "parse",
            ]) =>
            {
                "PostgreSQL: functions and planning"
            }
            () => "PostgreSQL: else (memory, locks, catalogues, protocol)",
        });
    }
    if !(command == "chancery-signer"
        || (command == "tokio-rt-worker" && !library.contains("chancery-bench")))
    {
        return None;
    }
    Some(match () {
        () if kernel => "signers: kernel (sockets, scheduling, timers)",
        () if !library.contains("chancery-signer") => "signers: C library (copies, memory)",
        () if has(&["sqlx"]) => "signers: sqlx",
        () if has(&["tokio", "mio"]) => "signers: tokio",
        () if has(&["chancery"]) => "signers: Chancery's own code",
        () if has(&["::"]) || function.trim_start_matches("[.] ").starts_with("_R") => {
            "signers: else in Rust"
        }
        // What has no path is C or assembly, of which there is nothing else.
        () => "signers: AWS-LC",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_others_are_left_out_and_the_rest_is_a_hundred_percent() {
        let report = "# Overhead\n60.00%;swapper;[kernel.kallsyms];[k] idle\n\
                      30.00%;tokio-rt-worker;chancery-signer;[.] aws_lc_RSA_sign\n\
                      10.00%;postgres;postgres;[.] XLogInsert\n";
        let shares = shares(report);
        assert_eq!(shares.len(), 2);
        assert_eq!(shares["signers: AWS-LC"], 75.0);
        assert_eq!(shares["PostgreSQL: WAL"], 25.0);
    }
}
