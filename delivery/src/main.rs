//! The program that brings the signed batches of a run to its sinks, until each has all of them, or they were given up, and tells whoever
//! is to be told of what happens to the run.
//!
//! Exit codes: 0 nothing is left; 0, or what `--stopped-exit` says, the run is suspended, or the delivery was asked to stop; 75 the
//! database is away: try again; 78 a sink cannot be as it is described, or it will never work as it is set up; 1 a defect; 2 wrong
//! arguments. A sink that is away is waited for.

mod content;
mod delivery;
mod error;
mod giving_way;
mod manifest;
mod opening;
mod rest;
mod telling;
mod waiting;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chancery_process::{Exit, LogFormat, Shield, Stop, parse_arguments, write_termination_log};
use chancery_sources::access::Access;
use chancery_store::GivenUrl;
use chancery_telemetry::{Telemetry, TraceParent};
use clap::Parser;
use rustix::process::nice;
use uuid::Uuid;

use crate::delivery::{Order, deliver};
use crate::error::DeliveryError;
use crate::worker::Ended;

/// Brings the signed batches of one run to its sinks until nothing is left.
#[derive(Debug, Parser)]
#[command(version, name = "chancery-delivery")]
struct Arguments {
    /// Run whose batches are delivered
    #[arg(long, env = "CHANCERY_RUN", value_name = "NAME")]
    run: String,
    /// Identity of the run in the ledger: of a run that was made anew under its name, nothing is delivered
    #[arg(long, env = "CHANCERY_RUN_UID", value_name = "UUID")]
    run_uid: Option<Uuid>,
    /// Namespace of the run
    #[arg(long, env = "CHANCERY_NAMESPACE", default_value = "default")]
    namespace: String,
    /// Name of this delivery in the ledger; in a pod, its name and uid
    #[arg(long, env = "CHANCERY_HOLDER")]
    holder: String,
    /// URL of the ledger's database, with the login of the run's delivery
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: GivenUrl,
    /// Folder with the credentials of sinks: in DIR/SINK a file for each key of its Secret, such as AWS_ACCESS_KEY_ID or secret, and for a
    /// table the file url. Without it, all sinks have those of the environment variables of these names, and tables the URL of the manifest
    #[arg(long, env = "CHANCERY_CREDENTIALS_DIR", value_name = "DIR")]
    credentials_dir: Option<PathBuf>,
    /// Senders to each sink. Each has a batch on its way, with its content in memory; to a folder or a store up to eight, as long as these
    /// have no more than 2 MiB
    #[arg(long, env = "CHANCERY_SENDERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    senders: u16,
    /// How long batches that were taken are this delivery's, unless it prolongs that, in seconds. One that dies without anybody
    /// telling of it lets them lie for so long
    #[arg(long, env = "CHANCERY_HOLD", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=3_600))]
    hold: u64,
    /// How long the delivery tries to connect while the database is away, in seconds
    #[arg(long, env = "CHANCERY_RECONNECT_FOR", default_value_t = 60, value_name = "SECONDS")]
    reconnect_for: u64,
    /// How long whoever is to be told of what happened is waited for that cannot be reached, once the run is complete, in seconds
    #[arg(long, env = "CHANCERY_TELL_FOR", default_value_t = 3600, value_name = "SECONDS")]
    tell_for: u64,
    /// How long what is on its way may still arrive after SIGTERM, in seconds
    #[arg(long, env = "CHANCERY_GRACE", default_value_t = 15, value_name = "SECONDS")]
    grace: u64,
    /// Exit code when something is left to be delivered because of SIGTERM, or because the run is suspended
    #[arg(long, env = "CHANCERY_STOPPED_EXIT", default_value_t = Exit::Done.code(), value_name = "CODE")]
    stopped_exit: u8,
    /// Stop, as on SIGTERM, when standard input closes: so that no delivery outlives the process that started it. Such a delivery also
    /// ends when the run is suspended; any other goes on for as long as somebody is to be told of what happens to the run
    #[arg(long, env = "CHANCERY_STOP_WITH_STDIN")]
    stop_with_stdin: bool,
    /// By how much others go first, as nice(1) has it: whoever started this delivery has signers on the same processors
    #[arg(long, hide = true, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=19))]
    nice: u8,
    /// How log lines are written; RUST_LOG sets which
    #[arg(long, env = "CHANCERY_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// File to which the delivery writes one line that says why it failed
    #[arg(long, env = "CHANCERY_TERMINATION_LOG", value_name = "FILE")]
    termination_log: Option<PathBuf>,
}

fn main() -> ExitCode {
    let shield = Shield::raise();
    let arguments: Arguments = parse_arguments();
    // Threads have the priority of the one that starts them: before there are others.
    let niced = nice(i32::from(arguments.nice));
    // Dropped last: by then every span has ended.
    let _telemetry = Telemetry::start(arguments.log_format, "chancery-delivery");
    shield.report();
    if let Err(error) = niced {
        tracing::warn!(%error, "others cannot be let go first");
    }
    let span = tracing::info_span!(
        "delivery",
        run = %format_args!("{}/{}", arguments.namespace, arguments.run),
        holder = arguments.holder
    );
    let traceparent = TraceParent::from_environment();
    if let Some(parent) = traceparent {
        parent.adopt(&span);
    }
    let _in_span = span.enter();
    let (stopped_exit, termination_log) = (arguments.stopped_exit, arguments.termination_log.clone());
    match run(arguments, traceparent) {
        Ok(Ended::Done) => Exit::Done.into(),
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

fn run(arguments: Arguments, traceparent: Option<TraceParent>) -> Result<Ended, DeliveryError> {
    // Compressing of one batch must not hold up another's.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(arguments.senders).min(4))
        .enable_all()
        .build()
        .map_err(DeliveryError::Runtime)?;
    runtime.block_on(async {
        let stop = Stop::on_signals(Duration::from_secs(arguments.grace)).map_err(DeliveryError::Signals)?;
        if arguments.stop_with_stdin {
            stop.with_standard_input();
        }
        let order = Order {
            ledger: arguments.database_url.read()?,
            namespace: arguments.namespace,
            name: arguments.run,
            run_uid: arguments.run_uid,
            holder: arguments.holder,
            access: arguments.credentials_dir.map_or(Access::Environment, Access::Folder),
            senders: arguments.senders,
            hold: Duration::from_secs(arguments.hold),
            reconnect_for: Duration::from_secs(arguments.reconnect_for),
            traceparent: traceparent.map(|parent| parent.to_string()),
            ends_when_suspended: arguments.stop_with_stdin,
            tell_for: Duration::from_secs(arguments.tell_for),
            signers_go_first: arguments.nice > 0,
        };
        deliver(order, stop).await
    })
}
