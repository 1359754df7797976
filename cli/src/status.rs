//! `chancery status`.

mod addresses;
pub(crate) mod sinks;
mod sources;

use std::collections::HashMap;

use chancery_api::format::percent;
use chancery_process::{Exit, grouped};
use chancery_store::{Progress, Run};
use serde::Serialize;

use crate::arguments::{DatabaseArguments, Output, StatusArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};
use crate::owner::OwnerStatus;
use crate::run_name::RunName;
use crate::status::sinks::SinkStatus;
use crate::status::sources::{Arrivals, SourceStatus};

/// A run as `-o json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunStatus {
    namespace: String,
    name: String,
    phase: &'static str,
    records: i64,
    seeded: i64,
    signed: i64,
    batches: i64,
    batches_signed: i64,
    batches_leased: i64,
    /// The ring, unless it is the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyring: Option<String>,
    keys: i32,
    keys_made: i64,
    keys_leased: i64,
    algorithm: String,
    envelope: String,
    /// Of the keys, for Ethereum, if one run is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    owner: OwnerStatus,
    /// What sources offered, and what became of it; none if the records are generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals: Option<Arrivals>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sinks: Vec<SinkStatus>,
}

pub(crate) async fn status(
    database: &DatabaseArguments,
    arguments: &StatusArguments,
) -> Result<Exit, CliError> {
    Database::with(database, async |database| show(database, arguments).await).await
}

async fn show(database: &Database, arguments: &StatusArguments) -> Result<Exit, CliError> {
    let runs = match &arguments.run {
        Some(RunName { namespace, name }) => vec![database.ledger.find_run(namespace, name).await?],
        None => database.ledger.list_runs().await?,
    };
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    let progress: HashMap<_, _> =
        database.ledger.progress(&ids).await?.into_iter().map(|progress| (progress.id, progress)).collect();
    let mut sources = HashMap::<_, Vec<_>>::new();
    for source in database.ledger.sources_progress(&ids).await? {
        sources.entry(source.run_id).or_default().push(SourceStatus::of(source));
    }
    let mut sinks = HashMap::<_, Vec<_>>::new();
    for sink in database.ledger.sinks_progress(&ids).await? {
        sinks.entry(sink.run_id).or_default().push(sink);
    }
    let mut rows: Vec<_> = runs
        .iter()
        .filter_map(|run| {
            let sources = sources.remove(&run.id).unwrap_or_default();
            let progress = progress.get(&run.id)?;
            let sinks = sinks.remove(&run.id).unwrap_or_default();
            let sinks = sinks.into_iter().map(|sink| SinkStatus::of(sink, progress)).collect();
            Some(row(run, progress, sources, sinks))
        })
        .collect();
    if let (Some(_), [row], [run]) = (&arguments.run, &mut *rows, &*runs) {
        row.addresses = addresses::addresses(&database.ledger, &run.keyring).await?;
    }
    match arguments.output {
        Output::Json => line(&serde_json::json!({ "runs": rows }).to_string())?,
        Output::Table if rows.is_empty() => line("no runs yet; `chancery run -f FILE` makes one")?,
        Output::Table => {
            line(&table(&rows))?;
            if let ([RunStatus { arrivals: Some(arrivals), sources, .. }], Some(_)) = (&*rows, &arguments.run)
            {
                line(&format!("\n{}", sources::table(arrivals, sources)))?;
            }
            if let ([RunStatus { sinks, .. }], Some(_)) = (&*rows, &arguments.run)
                && !sinks.is_empty()
            {
                line(&format!("\n{}", sinks::table(sinks)))?;
            }
            if let [RunStatus { addresses, .. }] = &*rows
                && !addresses.is_empty()
            {
                line(&format!("\n{}", addresses::table(addresses)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn row(run: &Run, progress: &Progress, sources: Vec<SourceStatus>, sinks: Vec<SinkStatus>) -> RunStatus {
    RunStatus {
        namespace: run.namespace.clone(),
        name: run.name.clone(),
        phase: phase(progress, &sinks),
        records: progress.record_count,
        seeded: progress.records_admitted,
        signed: progress.records_signed,
        batches: progress.batches_closed,
        batches_signed: progress.batches_signed,
        batches_leased: progress.batches_leased,
        keyring: run.keyring.name.clone(),
        keys: progress.key_count,
        keys_made: progress.keys_joined,
        keys_leased: progress.keys_leased,
        algorithm: run.keyring.algorithm.clone(),
        envelope: run.keyring.envelope.clone(),
        addresses: Vec::new(),
        owner: OwnerStatus::of_run(&run.owner),
        arrivals: progress.arrivals.map(|counts| Arrivals::of(counts, progress.held.clone())),
        sources,
        sinks,
    }
}

/// The run's phase, in the words of the resource's status.
fn phase(progress: &Progress, sinks: &[SinkStatus]) -> &'static str {
    if progress.deleted {
        "Deleting"
    } else if progress.complete || (progress.is_done() && sinks.is_empty()) {
        "Complete"
    } else if progress.suspended {
        "Suspended"
    } else if progress.is_done() {
        "Delivering"
    } else if progress.keys_joined > 0 && progress.batches_closed > 0 {
        "Signing"
    } else if progress.records_admitted > 0 || progress.keys_joined > 0 {
        "Seeding"
    } else {
        "Pending"
    }
}

/// The ring's keys: while they are being made, those that are there of those that it is to have.
fn keys(run: &RunStatus) -> String {
    let RunStatus { keys, keys_made, .. } = run;
    if keys_made < &i64::from(*keys) { format!("{keys_made}/{keys}") } else { keys.to_string() }
}

fn table(rows: &[RunStatus]) -> String {
    let rows = rows.iter().map(|run| {
        [
            run.namespace.clone(),
            run.name.clone(),
            run.phase.to_owned(),
            grouped(run.signed.unsigned_abs()),
            grouped(run.records.unsigned_abs()),
            percent(run.signed, run.records),
            run.batches_leased.to_string(),
            keys(run),
            run.algorithm.clone(),
            run.owner.to_string(),
        ]
    });
    output::table(
        [
            "NAMESPACE",
            "NAME",
            "PHASE",
            "SIGNED",
            "TOTAL",
            "PROGRESS",
            "LEASED",
            "KEYS",
            "ALGORITHM",
            "MADE FOR",
        ],
        rows,
        3..8,
    )
}
