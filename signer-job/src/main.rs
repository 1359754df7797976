//! The program that a signer pod runs, and that `chancery run` starts on one machine.
//!
//! Exit codes: 0 every batch of the run is signed, and its ring has all its keys; 0, or what `--stopped-exit` says, the run is suspended, or
//! the signer was asked to stop and holds no lease; 74 the database has no room left; 75 the database is away:
//! try again; 78 it will never work as it is set up; 1 a defect; 2 wrong arguments.

mod ahead;
mod batch;
mod boot_clock;
mod boot_instant;
mod error;
mod fence;
mod hands;
mod keys;
mod link;
mod making;
mod metrics;
mod pauses;
mod setbacks;
mod sign_run;
mod signer;
mod slot;
mod term;
mod use_journal;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chancery_process::{
    Exit, LogFormat, Shield, Stop, parse_arguments, read_data_key_file, write_termination_log,
};
use chancery_store::GivenUrl;
use chancery_telemetry::{Telemetry, TraceParent, serve_metrics};
use clap::Parser;
use prometheus_client::registry::Registry;
use rustix::process::nice;
use uuid::Uuid;

use crate::error::SignerError;
use crate::metrics::Metrics;
use crate::sign_run::sign_run;
use crate::signer::Order;
use crate::slot::Ended;
use crate::use_journal::UseJournal;

/// Signs batches of one run until none is left, and makes the keys that its keyring lacks.
#[derive(Debug, Parser)]
#[command(version, name = "chancery-signer")]
struct Arguments {
    /// Run to sign
    #[arg(long, env = "CHANCERY_RUN", value_name = "NAME")]
    run: String,
    /// Identity of the run in the ledger: a run that was made anew under its name is not signed
    #[arg(long, env = "CHANCERY_RUN_UID", value_name = "UUID")]
    run_uid: Option<Uuid>,
    /// Namespace of the run
    #[arg(long, env = "CHANCERY_NAMESPACE", default_value = "default")]
    namespace: String,
    /// Name of this signer in the lease log; in a pod, its name and uid
    #[arg(long, env = "CHANCERY_HOLDER")]
    holder: String,
    /// File with the data key of the run's keyring: 32 bytes, raw or in base64; - is the first line of standard input
    #[arg(long, env = "CHANCERY_DATA_KEY_FILE", value_name = "FILE")]
    data_key_file: PathBuf,
    /// URL of the ledger's database, with the login of the run
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: GivenUrl,
    /// Signing threads
    #[arg(long, env = "CHANCERY_THREADS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Batches in hand beyond those being signed, so that a thread never waits for the database
    #[arg(long, env = "CHANCERY_LOOKAHEAD", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=256))]
    lookahead: u16,
    /// How long the signer tries to connect while the database is away, in seconds
    #[arg(long, env = "CHANCERY_RECONNECT_FOR", default_value_t = 60, value_name = "SECONDS")]
    reconnect_for: u64,
    /// How long a batch in hand may still be signed after SIGTERM, in seconds
    #[arg(long, env = "CHANCERY_GRACE", default_value_t = 15, value_name = "SECONDS")]
    grace: u64,
    /// Exit code when batches are left unsigned, or keys unmade, because of SIGTERM, or because the run is suspended
    #[arg(long, env = "CHANCERY_STOPPED_EXIT", default_value_t = Exit::Done.code(), value_name = "CODE")]
    stopped_exit: u8,
    /// Stop, as on SIGTERM, when standard input closes: so that no signer outlives the process that
    /// started it
    #[arg(long, env = "CHANCERY_STOP_WITH_STDIN")]
    stop_with_stdin: bool,
    /// Do not look for a pooler that shares sessions: whoever started this signer has done so, by the same way
    #[arg(long, hide = true)]
    sessions_are_checked: bool,
    /// By how much others go first, as nice(1) has it: whoever started this signer has those that feed it on the same processors
    #[arg(long, hide = true, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=19))]
    nice: u8,
    /// How log lines are written; RUST_LOG sets which
    #[arg(long, env = "CHANCERY_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// File to which the signer writes one line that says why it failed
    #[arg(long, env = "CHANCERY_TERMINATION_LOG", value_name = "FILE")]
    termination_log: Option<PathBuf>,
    /// Address to serve /metrics and /healthz at; without it, nothing listens
    #[arg(long, env = "CHANCERY_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the journal of keys in use, for tests with faults
    #[arg(long, env = "CHANCERY_USE_JOURNAL", value_name = "DIR", hide = true)]
    use_journal: Option<PathBuf>,
}

fn main() -> ExitCode {
    let shield = Shield::raise();
    let arguments: Arguments = parse_arguments();
    // Threads have the priority of the one that starts them: before there are others.
    let niced = nice(i32::from(arguments.nice));
    // Dropped last: by then every span has ended.
    let _telemetry = Telemetry::start(arguments.log_format, "chancery-signer");
    shield.report();
    if let Err(error) = niced {
        tracing::warn!(%error, "others cannot be let go first");
    }
    let span = tracing::info_span!(
        "signer",
        run = %format_args!("{}/{}", arguments.namespace, arguments.run),
        holder = arguments.holder
    );
    if let Some(parent) = TraceParent::from_environment() {
        parent.adopt(&span);
    }
    let _in_span = span.enter();
    let (stopped_exit, termination_log) = (arguments.stopped_exit, arguments.termination_log.clone());
    match run(arguments) {
        Ok(Ended::Complete) => Exit::Done.into(),
        Ok(Ended::WorkLeft) => stopped_exit.into(),
        Err(error) => {
            let exit = error.exit();
            tracing::error!(exit = exit.code(), "{error}");
            if let Some(file) = termination_log {
                write_termination_log(&file, &error.to_string());
            }
            exit.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<Ended, SignerError> {
    // Signing runs on threads of its own: one thread is plenty for what is left.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SignerError::Runtime)?;
    let ended = tokio::task::LocalSet::new().block_on(&runtime, sign(arguments));
    // A signer that stops waits for no key that is still being made.
    runtime.shutdown_background();
    ended
}

async fn sign(arguments: Arguments) -> Result<Ended, SignerError> {
    let stop = Stop::on_signals(Duration::from_secs(arguments.grace)).map_err(SignerError::Signals)?;
    // Before standard input is read to its end.
    let data_key = read_data_key_file(&arguments.data_key_file)?;
    if arguments.stop_with_stdin {
        stop.with_standard_input();
    }
    let metrics = metrics(arguments.listen).await?;
    let ledger = arguments.database_url.read()?;
    let open_journal = |folder| UseJournal::open(folder, arguments.holder.clone());
    let journal = arguments.use_journal.map(open_journal).transpose().map_err(SignerError::UseJournal)?;
    let order = Order {
        ledger,
        namespace: arguments.namespace,
        name: arguments.run,
        run_uid: arguments.run_uid,
        holder: arguments.holder,
        data_key,
        threads: usize::from(arguments.threads),
        slots: usize::from(arguments.threads) + usize::from(arguments.lookahead),
        reconnect_for: Duration::from_secs(arguments.reconnect_for),
        sessions_are_checked: arguments.sessions_are_checked,
        metrics,
        journal,
    };
    sign_run(order, stop).await
}

/// The signer's counts, served at `listen`.
async fn metrics(listen: Option<SocketAddr>) -> Result<Metrics, SignerError> {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    if let Some(listen) = listen {
        serve_metrics(listen, Arc::new(registry))
            .await
            .map_err(|reason| SignerError::Listen { listen, reason })?;
    }
    Ok(metrics)
}
