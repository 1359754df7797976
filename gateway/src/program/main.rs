//! The gateway of a cluster: the HTTP API, with TLS, for whoever the cluster's API server lets push and read.
//!
//! Exit codes: 0 it was asked to stop; 78 it will never work as it is set up; 1 a defect; 2 wrong arguments; 130 it was asked to
//! stop twice.

mod api_server;
mod database;
mod error;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use chancery_process::{Exit, LogFormat, Shield, parse_arguments};
use chancery_store::GivenUrl;
use chancery_telemetry::Telemetry;
use clap::Parser;

use crate::error::GatewayError;

/// Takes in the records that programs push to runs of a cluster, and shows what became of them.
#[derive(Debug, Parser)]
#[command(name = "chancery-gateway", version)]
struct Arguments {
    /// URL of the ledger's database, by a login of role chancery_gateway; PGSSLMODE and PGSSLROOTCERT apply
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: GivenUrl,
    /// Where the API is served, with TLS
    #[arg(long, env = "CHANCERY_LISTEN", default_value = "0.0.0.0:8443", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where /metrics is served
    #[arg(long, env = "CHANCERY_LISTEN_FOR_METRICS", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    listen_for_metrics: SocketAddr,
    /// Where /healthz, /readyz and /startupz are served
    #[arg(long, env = "CHANCERY_LISTEN_FOR_PROBES", default_value = "0.0.0.0:8081", value_name = "ADDRESS")]
    listen_for_probes: SocketAddr,
    /// File with the certificate that the API shows, and those of the authorities between, in PEM; read again when it changes
    #[arg(long, env = "CHANCERY_TLS_CERTIFICATE_FILE", value_name = "FILE")]
    certificate_file: PathBuf,
    /// File with the private key of the certificate, in PEM; read again when it changes
    #[arg(long, env = "CHANCERY_TLS_KEY_FILE", value_name = "FILE")]
    key_file: PathBuf,
    /// For whom tokens have to be meant: their audience. Empty: for the API server itself
    #[arg(long, env = "CHANCERY_AUDIENCE", default_value = "chancery", value_name = "AUDIENCE")]
    audience: String,
    /// For how many seconds it is believed whose a token is, and what it may do
    #[arg(long, env = "CHANCERY_BELIEVE_FOR", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300), value_name = "SECONDS")]
    believe_for: u64,
    /// For how many seconds connections are still taken after SIGTERM, while others learn that this gateway ends
    #[arg(long, env = "CHANCERY_DRAIN", default_value_t = 5, value_name = "SECONDS")]
    drain: u64,
    /// How log lines are written; RUST_LOG sets which
    #[arg(long, env = "CHANCERY_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

fn main() -> ExitCode {
    let shield = Shield::raise();
    let arguments: Arguments = parse_arguments();
    // Dropped last: by then every span has ended.
    let _telemetry = Telemetry::start(arguments.log_format, "chancery-gateway");
    shield.report();
    match run(arguments) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            let exit = error.exit();
            tracing::error!(exit = exit.code(), "{error}");
            exit.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), GatewayError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(GatewayError::Runtime)?;
    runtime.block_on(serve::serve(arguments))
}
