//! `chancery policy`: without a ledger, and without a cluster.

mod check;
mod counts;
mod file;
mod test;

use chancery_process::Exit;

use crate::arguments::PolicyCommand;
use crate::error::CliError;

pub(crate) fn policy(command: &PolicyCommand) -> Result<Exit, CliError> {
    match command {
        PolicyCommand::Check { file, output } => check::check(file, *output),
        PolicyCommand::Test(test) => test::test(test),
    }
}
