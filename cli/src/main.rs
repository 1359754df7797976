//! `chancery`: sign every record of a run exactly once, on one machine.

mod arguments;
mod check_proof;
mod database;
mod dead_letters;
mod delete;
mod display;
mod error;
mod export;
mod gc;
mod kek;
mod kek_source;
mod keyring;
mod lease;
mod output;
mod owner;
mod policy;
mod prove;
mod records;
mod run;
mod run_name;
mod screen;
mod serve;
mod statement_key;
mod status;
mod trusted;
mod verify;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use chancery_process::{Exit, Shield, parse_arguments, queue_lines, start_logs};
use chancery_store::logins::ADMINISTRATOR_SQL;
use clap::CommandFactory;

use crate::arguments::{Arguments, Command};
use crate::error::CliError;

#[tokio::main]
async fn main() -> ExitCode {
    let shield = Shield::raise();
    let arguments: Arguments = parse_arguments();
    // On a terminal, bars are moved out of the way for each line: it has to be written at once.
    let _last_lines = (!stderr().is_terminal()).then(|| queue_lines(arguments.log_format));
    start_logs(arguments.log_format);
    shield.report();
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
        Command::DeadLetters(command) => dead_letters::dead_letters(&database, log_format, &command).await,
        Command::Serve(serve) => serve::serve(&database, &serve).await,
        Command::Records(command) => records::records(&database, &command).await,
        Command::Policy(command) => policy::policy(&command),
        Command::Prove(prove) => prove::prove(&database, &prove).await,
        Command::CheckProof(check) => check_proof::check_proof(&check),
        Command::Gc(arguments) => gc::gc(&database, &arguments).await,
        Command::Delete(delete) => delete::delete(&database, &delete).await,
        Command::Keyring(keyring) => keyring::keyring(&database, &keyring).await,
        Command::Kek(command) => kek::kek(&database, &command).await,
        Command::Lease(lease) => lease::lease(&database, &lease).await,
        Command::RolesSql => {
            output::write(ADMINISTRATOR_SQL.as_bytes())?;
            Ok(Exit::Done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "chancery", &mut script);
            output::write(&script)?;
            Ok(Exit::Done)
        }
    }
}
