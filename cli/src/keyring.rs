//! `chancery keyring`: the keyrings that runs share.

use chancery_process::{Exit, grouped};
use chancery_store::keyring::KeyringLine;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, KeyringCommand, Output};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::owner::OwnerStatus;
use crate::run_name::RunName;

/// A keyring as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyringStatus {
    namespace: String,
    name: String,
    algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_size: Option<i32>,
    keys: i64,
    key_count: i32,
    runs: i64,
    uses: i64,
    owner: OwnerStatus,
}

impl From<KeyringLine> for KeyringStatus {
    fn from(line: KeyringLine) -> Self {
        let KeyringLine {
            namespace,
            name,
            algorithm,
            key_size,
            key_count,
            namespace_uid,
            object_uid,
            adopted_from,
            keys_active,
            runs,
            last_use,
        } = line;
        let owner = OwnerStatus { namespace_uid, object_uid, adopted_from };
        Self {
            namespace,
            name,
            algorithm,
            key_size,
            keys: keys_active,
            key_count,
            runs,
            uses: last_use,
            owner,
        }
    }
}

pub(crate) async fn keyring(
    database: &DatabaseArguments,
    command: &KeyringCommand,
) -> Result<Exit, CliError> {
    Database::with(database, async |database| match command {
        KeyringCommand::List { output } => list(database, *output).await,
        KeyringCommand::Delete { keyring } => delete(database, keyring).await,
    })
    .await
}

async fn list(database: &Database, output: Output) -> Result<Exit, CliError> {
    let keyrings = database.ledger.list_keyrings().await?;
    let keyrings: Vec<KeyringStatus> = keyrings.into_iter().map(KeyringStatus::from).collect();
    match output {
        Output::Json => line(&serde_json::json!({ "keyrings": keyrings }).to_string())?,
        Output::Table if keyrings.is_empty() => {
            line("no keyring has a name; a run with spec.keyringRef makes one")?;
        }
        Output::Table => line(&table(&keyrings))?,
    }
    Ok(Exit::Done)
}

async fn delete(database: &Database, keyring: &RunName) -> Result<Exit, CliError> {
    database.ledger.delete_keyring(&keyring.namespace, &keyring.name).await?;
    line(&format!("deleted the keyring {keyring}: its keys and the log of their use"))?;
    Ok(Exit::Done)
}

fn table(keyrings: &[KeyringStatus]) -> String {
    let rows = keyrings.iter().map(|keyring| {
        [
            keyring.namespace.clone(),
            keyring.name.clone(),
            keyring.algorithm.clone(),
            format!("{}/{}", keyring.keys, keyring.key_count),
            keyring.runs.to_string(),
            grouped(keyring.uses.unsigned_abs()),
            keyring.owner.to_string(),
        ]
    });
    output::table(["NAMESPACE", "NAME", "ALGORITHM", "KEYS", "RUNS", "USES", "MADE FOR"], rows, 3..6)
}
