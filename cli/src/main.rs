//! `chancery`: sign every record of a run exactly once, on one machine.

mod arguments;
mod database;
mod delete;
mod display;
mod error;
mod export;
mod keyring;
mod lease;
mod output;
mod run;
mod run_name;
mod status;
mod verify;

use std::process::ExitCode;

use chancery_process::{Exit, start_logs};
use clap::{CommandFactory, Parser};

use crate::arguments::{Arguments, Command};
use crate::error::CliError;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logs(arguments.log_format);
    match command(arguments).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&error);
            error.exit().into()
        }
    }
}

async fn command(arguments: Arguments) -> Result<Exit, CliError> {
    let Arguments { database, log_format, command } = arguments;
    match command {
        Command::Run(run) => run::run(&database, log_format, &run).await,
        Command::Status(status) => status::status(&database, &status).await,
        Command::Verify(verify) => verify::verify(&database, &verify).await,
        Command::Export(export) => export::export(&database, &export).await,
        Command::Delete(delete) => delete::delete(&database, &delete).await,
        Command::Keyring(keyring) => keyring::keyring(&database, &keyring).await,
        Command::Lease(lease) => lease::lease(&database, &lease).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "chancery", &mut std::io::stdout());
            Ok(Exit::Done)
        }
    }
}
