//! Measures Chancery on this machine, as ratios of things measured alternately in one run.
//!
//! Absolute times say little on a shared machine. So each figure is the median of the ratios of pairs
//! that were measured one right after the other: the bare signing loop, then Chancery, and again.

mod bare;
mod chancery;

use std::path::PathBuf;

use chancery_bench::{Figure, Samples};
use clap::Parser;

use crate::chancery::{Chancery, Manifest};

/// What the figures have to reach.
const RS256_SHARE: f64 = 0.95;
const SEEDING_RATE: f64 = 150_000.0;
const EDDSA_RATE: f64 = 60_000.0;
const SIGNER_MEMORY_MIB: f64 = 64.0;

/// Ratios, and what they have to reach: `>=` or `<=` a bound.
type Measured = anyhow::Result<(Samples, &'static str, f64)>;

type Measure = fn(&Chancery, &Arguments) -> Measured;

/// The figures by name.
const MEASURES: [(&str, Measure); 5] = [
    ("RS256, 2 signers, batches of 100 / bare loop on 2 threads", |chancery, arguments| {
        rs256_share(chancery, arguments, 100)
    }),
    ("RS256, 2 signers, batches of 1,000 / bare loop on 2 threads", |chancery, arguments| {
        rs256_share(chancery, arguments, 1_000)
    }),
    ("records seeded/s / 150,000", seeding),
    ("EdDSA signatures/s / 60,000", eddsa),
    ("peak memory of a signer / 64 MiB (10 k, 100 k, 1 M records)", memory),
];

/// Measure, and write JSON and a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Pairs of measurements a figure
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Divide the amount of work by this
    #[arg(long, default_value_t = 1)]
    divide: u64,
    /// Only the figures whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// File to write
    #[arg(long, default_value = "bench/results/local.json")]
    out: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the figures are the purpose of this program")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let chancery = Chancery::new()?;
    let mut figures = Vec::new();
    for (name, measure) in MEASURES {
        if name.contains(&arguments.only) {
            let (samples, comparison, bound) = measure(&chancery, &arguments)?;
            figures.push(Figure::new(name, samples, comparison, bound));
        }
    }
    chancery_bench::write(&arguments.out, arguments.pairs, &figures)?;
    println!("{}", chancery_bench::table(&chancery_bench::machine(), &figures));
    Ok(())
}

/// RS256 with two signers, PostgreSQL on the same cores, against the bare loop on as many threads.
fn rs256_share(chancery: &Chancery, arguments: &Arguments, batch: u32) -> Measured {
    let records = 100_000 / arguments.divide;
    let manifest = Manifest { records, keys: 100, batch, algorithm: "RS256", suspend: false };
    let mut samples = Samples::default();
    for _ in 0..arguments.pairs {
        let bare = bare::rs256_rate(2, records)?;
        let run = chancery.run(&manifest)?;
        samples.add(run.rate()? / bare);
    }
    Ok((samples, ">=", RS256_SHARE))
}

/// Records seeded a second, against what is wanted.
fn seeding(chancery: &Chancery, arguments: &Arguments) -> Measured {
    let records = 1_000_000 / arguments.divide;
    let manifest = Manifest { records, keys: 1, batch: 1_000, algorithm: "EdDSA", suspend: true };
    let mut samples = Samples::default();
    for _ in 0..arguments.pairs {
        let run = chancery.run(&manifest)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        samples.add(records as f64 / run.seeding_seconds / SEEDING_RATE);
    }
    Ok((samples, ">=", 1.0))
}

/// EdDSA end to end, against what is wanted.
fn eddsa(chancery: &Chancery, arguments: &Arguments) -> Measured {
    let records = 1_000_000 / arguments.divide;
    let manifest = Manifest { records, keys: 100, batch: 1_000, algorithm: "EdDSA", suspend: false };
    let mut samples = Samples::default();
    for _ in 0..arguments.pairs {
        samples.add(chancery.run(&manifest)?.rate()? / EDDSA_RATE);
    }
    Ok((samples, ">=", 1.0))
}

/// The most memory a signer had resident, over runs of growing size, against what it may have.
fn memory(chancery: &Chancery, arguments: &Arguments) -> Measured {
    let mut samples = Samples::default();
    for records in [10_000, 100_000, 1_000_000] {
        let records = records / arguments.divide;
        let manifest = Manifest { records, keys: 100, batch: 1_000, algorithm: "EdDSA", suspend: false };
        samples.add(chancery.run(&manifest)?.signer_memory_mib / SIGNER_MEMORY_MIB);
    }
    Ok((samples, "<=", 1.0))
}
