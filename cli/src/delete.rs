//! `chancery delete`.

use chancery_process::{Exit, grouped};

use crate::arguments::{DatabaseArguments, DeleteArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output::line;

pub(crate) async fn delete(
    database: &DatabaseArguments,
    arguments: &DeleteArguments,
) -> Result<Exit, CliError> {
    Database::with(database, async |database| remove(database, arguments).await).await
}

async fn remove(database: &Database, arguments: &DeleteArguments) -> Result<Exit, CliError> {
    let name = &arguments.run;
    let run = database.ledger.find_run(&name.namespace, &name.name).await?;
    let holders = database.ledger.live_holders(&run).await?;
    if !holders.is_empty() && !arguments.force {
        return Err(CliError::InUse { run: name.to_string(), holders: holders.join(", ") });
    }
    database.ledger.delete_run(&run).await?;
    let records = grouped(run.records().unwrap_or_default().unsigned_abs());
    let keys = match &run.keyring.name {
        Some(keyring) => format!("the keyring {}/{keyring} stays", run.namespace),
        None => format!("its {} keys are gone", run.keyring.key_count),
    };
    line(&format!("deleted {name}: {records} records and their signatures; {keys}"))?;
    Ok(Exit::Done)
}
