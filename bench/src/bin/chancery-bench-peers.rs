//! Measures Chancery against its peers, in turns, on one PostgreSQL server.

use std::path::PathBuf;

use anyhow::bail;
use chancery_bench::peers::chancery::Chancery;
use chancery_bench::peers::peer::Peer;
use chancery_bench::peers::report;
use chancery_bench::peers::rounds::{Extent, measure};
use chancery_bench::peers::server::Server;
use chancery_bench::peers::work::Work;
use chancery_keyring::Algorithm;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The most records that there are to sign: more than the fastest gets done in a trial.
const RECORDS: [(Algorithm, u64); 2] = [(Algorithm::Rs256, 60_000), (Algorithm::EdDsa, 500_000)];

/// Measure Chancery and its peers alternately, and write JSON and a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Comparisons with each peer
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds a trial, about
    #[arg(long, default_value_t = 4.5)]
    seconds: f64,
    /// Seconds for each setting of the sweep; 0 takes each peer's first
    #[arg(long, default_value_t = 1.5)]
    sweep_seconds: f64,
    /// One round of short trials, and no sweep
    #[arg(long)]
    quick: bool,
    /// Keys in the ring
    #[arg(long, default_value_t = 20)]
    keys: u32,
    /// Records a batch
    #[arg(long, default_value_t = 100)]
    batch: u64,
    /// Only the algorithm of this name
    #[arg(long, default_value = "")]
    algorithm: String,
    /// Only the peers whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// File to write
    #[arg(long, default_value = "bench/results/peers-local.json")]
    out: PathBuf,
    /// Page to put the table into
    #[arg(long)]
    page: Option<PathBuf>,
}

// On one thread: PostgreSQL ends with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        done = all(&arguments) => done,
        _ = terminated.recv() => bail!("terminated"),
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the purpose of this program")]
async fn all(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { rounds, seconds, sweep_seconds, quick, keys, batch, algorithm, only, out, page } =
        arguments;
    let extent = match quick {
        true => Extent { rounds: 1, seconds: 1.5, sweep_seconds: 0.0 },
        false => Extent { rounds: *rounds, seconds: *seconds, sweep_seconds: *sweep_seconds },
    };
    let peers: Vec<Peer> = Peer::ALL.into_iter().filter(|peer| peer.name().contains(only)).collect();
    let server = Server::start().await?;
    let chancery = Chancery::new(&server).await?;
    let mut comparisons = Vec::new();
    for (algorithm, records) in RECORDS.into_iter().filter(|(known, _)| known.name().contains(algorithm)) {
        let work = Work { algorithm, records, keys: *keys, batch: *batch };
        comparisons
            .extend(measure(&server, &chancery, work, &peers, extent, &|line| println!("{line}")).await?);
    }
    report::save(out, extent, &comparisons)?;
    let table = report::table(&comparisons);
    println!("\n{table}");
    match page {
        Some(page) => report::put_into(page, &table),
        None => Ok(()),
    }
}
