//! Measures Chancery against its peers, in turns, on one PostgreSQL server.

use anyhow::bail;
use chancery_bench::peers::chancery::Chancery;
use chancery_bench::peers::limits;
use chancery_bench::peers::peer::Peer;
use chancery_bench::peers::report;
use chancery_bench::peers::rounds::{self, Extent};
use chancery_bench::peers::server::Server;
use chancery_bench::peers::work::Work;
use chancery_bench::{Arguments, Effort, Measured, Measurement, run};
use chancery_keyring::Algorithm;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The most records that there are to sign: more than the fastest gets done in a trial.
const MEASUREMENTS: &[Measurement<()>] = &[
    Measurement {
        name: "peers-rs256",
        about: "RS256 against job queues and plain Rust",
        measure: |(), effort| Box::pin(measure(effort, Algorithm::Rs256, 60_000)),
    },
    Measurement {
        name: "peers-eddsa",
        about: "EdDSA against job queues and plain Rust",
        measure: |(), effort| Box::pin(measure(effort, Algorithm::EdDsa, 500_000)),
    },
];

// On one thread: PostgreSQL ends with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        done = run("bench-peers", &arguments, MEASUREMENTS, async || Ok(())) => done,
        _ = terminated.recv() => bail!("terminated"),
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// Less than the whole work is a round of short trials, without the search for settings.
#[expect(clippy::print_stderr, reason = "minutes pass")]
async fn measure(effort: Effort, algorithm: Algorithm, records: u64) -> Measured {
    let extent = match effort.divide {
        1 => Extent { rounds: effort.pairs, seconds: 4.5, sweep_seconds: 1.5 },
        _ => Extent { rounds: effort.pairs, seconds: 1.5, sweep_seconds: 0.0 },
    };
    let server = Server::start().await?;
    let chancery = Chancery::new(&server).await?;
    let work = Work { algorithm, records, keys: 20, batch: 100 };
    let tell = |line| eprintln!("{line}");
    let comparisons = rounds::measure(&server, &chancery, work, &Peer::ALL, extent, &tell).await?;
    let limits = limits::measure(&server, work, extent, &tell).await?;
    Ok(report::outcome(extent, &comparisons, &limits))
}
