//! `chancery prove`.

use std::fs;

use chancery_process::Exit;

use crate::arguments::{DatabaseArguments, ProveArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output::line;

pub(crate) async fn prove(
    database: &DatabaseArguments,
    arguments: &ProveArguments,
) -> Result<Exit, CliError> {
    Database::with(database, async |database| write(database, arguments).await).await
}

async fn write(database: &Database, arguments: &ProveArguments) -> Result<Exit, CliError> {
    let ProveArguments { run, record, output } = arguments;
    let run = database.ledger.find_run(&run.namespace, &run.name).await?;
    let proof = chancery_stating::prove(&database.ledger, &run, *record).await?;
    let text = serde_json::json!(proof).to_string();
    match output {
        Some(path) => fs::write(path, text + "\n")
            .map_err(|reason| CliError::WriteFile { path: path.clone(), reason })?,
        None => line(&text)?,
    }
    Ok(Exit::Done)
}
