//! `chancery delete`.

use chancery_process::Exit;

use crate::arguments::{DatabaseArguments, DeleteArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{grouped, line};

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
    let records = grouped(run.record_count.unsigned_abs());
    line(&format!("deleted {name}: {records} records, their signatures and {} keys", run.key_count))?;
    Ok(Exit::Done)
}
