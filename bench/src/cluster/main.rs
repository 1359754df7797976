//! Measures the operator on a real API server, with stand-ins for the Job controller and the kubelet, and
//! PostgreSQL on the same cores. `KUBEBUILDER_ASSETS` names the folder of `etcd` and `kube-apiserver`.

mod first_signature;
mod memory;
mod operated;
mod reconciles;
mod requests;
mod start_up;

use anyhow::Context;
use chancery_bench::{Arguments, Measurement, run};
use chancery_kit::cluster::{Cluster, Controllers};
use clap::Parser;

/// Everything that can be measured, in the order in which it is.
const MEASUREMENTS: &[Measurement<Cluster>] = &[
    Measurement {
        name: "operator-start-up",
        about: "from the operator's start to its being ready",
        measure: |cluster, effort| Box::pin(start_up::measure(cluster, effort)),
    },
    Measurement {
        name: "first-signature",
        about: "from kubectl apply to the first stored signature",
        measure: |cluster, effort| Box::pin(first_signature::measure(cluster, effort)),
    },
    Measurement {
        name: "requests",
        about: "requests to the API server while signing and while idle",
        measure: |cluster, _| Box::pin(requests::measure(cluster)),
    },
    Measurement {
        name: "operator-records",
        about: "the operator's memory as a run grows",
        measure: |cluster, effort| Box::pin(memory::by_records(cluster, effort)),
    },
    Measurement {
        name: "operator-runs",
        about: "the operator's memory with 1,000 runs",
        measure: |cluster, effort| Box::pin(memory::by_runs(cluster, effort)),
    },
    Measurement {
        name: "reconciles",
        about: "slow reconciles beside a seeding of 10 million records",
        measure: |cluster, effort| Box::pin(reconciles::measure(cluster, effort)),
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run("bench-cluster", &Arguments::parse(), MEASUREMENTS, async || {
        Cluster::start(Controllers::StandIn).context("there is no API server to measure on")
    })
    .await
}
