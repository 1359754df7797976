//! `chancery lease`: who has a key of a run's ring in hand, and giving back what the dead hold.

use chancery_process::{Exit, grouped};
use chancery_store::OpenLease;
use serde::Serialize;

use crate::arguments::{DatabaseArguments, LeaseCommand, Output};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::run_name::RunName;

/// A lease as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaseLine {
    lease: i64,
    run: String,
    holder: String,
    key: i32,
    batch: i64,
    seconds_left: f64,
    renewed_in_time: bool,
}

impl From<OpenLease> for LeaseLine {
    fn from(lease: OpenLease) -> Self {
        let OpenLease { lease, namespace, run, holder, key, batch, seconds_left, is_silent, .. } = lease;
        let run = format!("{namespace}/{run}");
        Self { lease, run, holder, key, batch, seconds_left, renewed_in_time: !is_silent }
    }
}

pub(crate) async fn lease(database: &DatabaseArguments, command: &LeaseCommand) -> Result<Exit, CliError> {
    Database::with(database, async |database| match command {
        LeaseCommand::List { run, output } => list(database, run, *output).await,
        LeaseCommand::Release { run, holders } => release(database, run, holders).await,
    })
    .await
}

async fn list(database: &Database, run: &RunName, output: Output) -> Result<Exit, CliError> {
    let stored = database.ledger.find_run(&run.namespace, &run.name).await?;
    let leases = database.ledger.open_leases(&[stored.id]).await?;
    let leases: Vec<LeaseLine> = leases.into_iter().map(LeaseLine::from).collect();
    match output {
        Output::Json => line(&serde_json::json!({ "leases": leases }).to_string())?,
        Output::Table if leases.is_empty() => line(&format!("no key of {run} is in anybody's hands"))?,
        Output::Table => line(&table(&leases))?,
    }
    Ok(Exit::Done)
}

async fn release(database: &Database, run: &RunName, holders: &[String]) -> Result<Exit, CliError> {
    let stored = database.ledger.find_run(&run.namespace, &run.name).await?;
    let released = database.ledger.release_holders(&stored, holders).await?;
    if released == 0 {
        return Err(CliError::NothingHeld { run: run.to_string(), holders: holders.join(", ") });
    }
    let leases = if released == 1 { "lease" } else { "leases" };
    let released = grouped(released.unsigned_abs());
    line(&format!("gave back {released} {leases}: their keys are free, their batches unsigned"))?;
    Ok(Exit::Done)
}

fn table(leases: &[LeaseLine]) -> String {
    let rows = leases.iter().map(|lease| {
        [
            lease.run.clone(),
            lease.key.to_string(),
            lease.batch.to_string(),
            format!("{:.0} s", lease.seconds_left),
            if lease.renewed_in_time { "in time" } else { "no" }.to_owned(),
            lease.holder.clone(),
        ]
    });
    output::table(["RUN", "KEY", "BATCH", "ENDS IN", "RENEWED", "HOLDER"], rows, 1..4)
}
