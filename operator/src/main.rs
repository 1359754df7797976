//! The operator: reconciles every SigningRun by seeding the ledger and running signer Jobs, and keeps
//! its status up to date until the run is complete.
//!
//! observe → decide → build → apply → update the status; why anything was done is answered in
//! `decide.rs`.

mod apply;
mod arguments;
mod background;
mod build;
mod client;
mod context;
mod controller;
mod database;
mod decide;
mod events;
mod facts;
mod leader;
mod memory;
mod metrics;
mod observe;
mod operate;
mod progress;
mod reconcile;
#[cfg(test)]
mod scenarios;
mod triggers;
mod unreadable;
mod update_status;
mod wait;

use std::process::ExitCode;
use std::time::Duration;

use chancery_process::{Exit, LogFormat, Stop};
use chancery_telemetry::Telemetry;
use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::arguments::{Arguments, Command};

/// How long reconciles under way may still take once asked to stop.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.operate.as_ref().map_or(LogFormat::default(), |operate| operate.log_format);
    // Dropped last, so that the spans of everything else are sent.
    let _telemetry = Telemetry::start(format, "chancery-operator");
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return Exit::Failed.into();
        }
    };
    let outcome = runtime.block_on(run(arguments));
    // What still runs in the background can be done again by another.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            tracing::error!("{error:#}");
            Exit::Failed.into()
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match (arguments.command, arguments.operate) {
        (Some(Command::Wait(run)), _) => wait::wait(&run).await,
        (None, Some(how)) => {
            let stop = Stop::on_signals(GRACE)?;
            let last = stop.clone();
            let overdue = async move {
                last.asked().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                outcome = operate::operate(how, stop) => outcome,
                () = overdue => anyhow::bail!("a reconcile did not end within {GRACE:?}"),
            }
        }
        // All that operating needs can be left out only together.
        (None, None) => Arguments::command()
            .error(
                ErrorKind::MissingRequiredArgument,
                "--database-url, --kek-file, --pod-namespace and --signer-image are needed",
            )
            .exit(),
    }
}
