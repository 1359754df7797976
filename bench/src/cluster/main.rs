//! Measures the operator on a real API server, with stand-ins for the Job controller and the kubelet, and
//! PostgreSQL on the same cores. `KUBEBUILDER_ASSETS` names the folder of `etcd` and `kube-apiserver`.

mod first_signature;
mod memory;
mod operated;
mod reconciles;
mod requests;

use std::path::PathBuf;

use anyhow::Context;
use chancery_bench::{Figure, Samples};
use chancery_tests::cluster::{Cluster, Controllers};
use clap::Parser;

/// Ratios, and what they have to reach: `>=` or `<=` a bound.
type Measured = anyhow::Result<(Samples, &'static str, f64)>;

/// Measure the operator, and write JSON and a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often the time to the first signature is measured
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Divide the amount of work by this
    #[arg(long, default_value_t = 1)]
    divide: u64,
    /// Only the figures whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// File to write
    #[arg(long, default_value = "bench/results/cluster-local.json")]
    out: PathBuf,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the purpose of this program")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let cluster = Cluster::start(Controllers::StandIn).context("there is no API server to measure on")?;
    let mut figures = Vec::new();
    for (name, index) in [
        ("seconds from kubectl apply to the first stored signature / 5", 0),
        ("operator's memory with 1,000 runs / 64 MiB", 1),
        ("API requests a minute while signing / 70", 2),
        ("API requests in half a minute while idle, but for the Lease", 3),
        ("share of reconciles above 100 ms beside a seeding of 10 million records / 0.01", 4),
    ] {
        if !name.contains(&arguments.only) {
            continue;
        }
        let (samples, comparison, bound): (Samples, _, _) = match index {
            0 => first_signature::measure(&cluster, arguments.pairs).await,
            1 => memory::measure(&cluster, arguments.divide).await,
            2 => requests::while_signing(&cluster).await,
            3 => requests::while_idle(&cluster).await,
            _ => reconciles::measure(&cluster, arguments.divide).await,
        }
        .with_context(|| name.to_owned())?;
        figures.push(Figure::new(name, samples, comparison, bound));
    }
    chancery_bench::write(&arguments.out, arguments.pairs, &figures)?;
    println!("{}", chancery_bench::table(&chancery_bench::machine(), &figures));
    Ok(())
}
