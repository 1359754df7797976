//! `chancery gc`: what is past the time for which it is kept, removed at once.

use chancery_process::{Exit, grouped};
use chancery_store::dead_letters::{KeptDue, LettersDue, RunToSweep};
use chancery_store::{Ledger, StoreError};
use serde::Serialize;

use crate::arguments::{DatabaseArguments, GcArguments, Output};
use crate::database::Database;
use crate::error::CliError;
use crate::output::{self, line};

/// Dead letters that are swept in one transaction, of up to 1 MiB each.
const AT_ONCE: i64 = 100;

/// What was removed, or would be.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Swept {
    dry_run: bool,
    /// Bytes of dead letters and of what was rejected.
    dead_letters: Vec<OfRun>,
    /// What keyrings knew of deleted runs.
    digests: i64,
    /// Versions of policies that no run names.
    policies: i64,
}

#[derive(Serialize)]
struct OfRun {
    run: String,
    letters: i64,
    /// As many as were due when it began.
    bytes: i64,
}

pub(crate) async fn gc(database: &DatabaseArguments, arguments: &GcArguments) -> Result<Exit, CliError> {
    let GcArguments { dry_run, output } = arguments;
    Database::with(database, async |database| {
        let swept = if *dry_run { due(&database.ledger).await? } else { sweep(&database.ledger).await? };
        match output {
            Output::Json => line(&serde_json::to_string(&swept).unwrap_or_default())?,
            Output::Table => line(&table(&swept))?,
        }
        Ok(Exit::Done)
    })
    .await
}

async fn due(ledger: &Ledger) -> Result<Swept, StoreError> {
    let KeptDue { digests, policies } = ledger.kept_due().await?;
    let dead_letters = ledger.letters_due().await?.into_iter().map(OfRun::of).collect();
    Ok(Swept { dry_run: true, dead_letters, digests, policies })
}

async fn sweep(ledger: &Ledger) -> Result<Swept, StoreError> {
    let digests = ledger.sweep_digests().await?;
    let policies = ledger.sweep_policies().await?;
    let mut dead_letters = Vec::new();
    for due in ledger.letters_due().await? {
        let run = match ledger.find_run(&due.run.namespace, &due.run.name).await {
            Ok(run) => run,
            // It was deleted meanwhile.
            Err(StoreError::NoRun(_)) => continue,
            Err(error) => return Err(error),
        };
        let mut of_run = OfRun { letters: 0, ..OfRun::of(due) };
        loop {
            let swept = ledger.sweep_dead_letters(&run, AT_ONCE).await?;
            of_run.letters += swept;
            if swept < AT_ONCE {
                break;
            }
        }
        dead_letters.push(of_run);
    }
    Ok(Swept { dry_run: false, dead_letters, digests, policies })
}

impl OfRun {
    fn of(LettersDue { run: RunToSweep { namespace, name }, letters, bytes }: LettersDue) -> Self {
        Self { run: format!("{namespace}/{name}"), letters, bytes }
    }
}

fn table(swept: &Swept) -> String {
    let Swept { dry_run, dead_letters, digests, policies } = swept;
    let count = |number: i64| grouped(number.unsigned_abs());
    let mut rows: Vec<[String; 4]> = dead_letters
        .iter()
        .map(|OfRun { run, letters, bytes }| {
            ["dead letters".to_owned(), run.clone(), count(*letters), count(*bytes)]
        })
        .collect();
    for (what, number) in [("digests of deleted runs", *digests), ("policies of no run", *policies)] {
        if number > 0 {
            rows.push([what.to_owned(), "-".to_owned(), count(number), "-".to_owned()]);
        }
    }
    if rows.is_empty() {
        return "nothing is kept for longer than it is to be".to_owned();
    }
    let header = if *dry_run { "WOULD BE REMOVED" } else { "REMOVED" };
    output::table([header, "RUN", "NUMBER", "BYTES"], rows, 2..4)
}
