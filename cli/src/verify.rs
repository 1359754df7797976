//! `chancery verify`.

use chancery_audit::{AuditOptions, Report, audit, audit_keyring};
use chancery_process::{Exit, LogFormat};
use chancery_store::Run;

use crate::arguments::{DatabaseArguments, Output, VerifyArguments};
use crate::database::Database;
use crate::display::{Display, Stage};
use crate::error::CliError;
use crate::output::line;

pub(crate) async fn verify(
    database: &DatabaseArguments,
    arguments: &VerifyArguments,
) -> Result<Exit, CliError> {
    Database::with(database, async |database| check(database, arguments).await).await
}

async fn check(database: &Database, arguments: &VerifyArguments) -> Result<Exit, CliError> {
    let report = match (&arguments.run, &arguments.keyring) {
        (Some(run), _) => {
            let run = database.ledger.find_run(&run.namespace, &run.name).await?;
            let display = Display::new(LogFormat::Text);
            let report = audit_with_bar(database, &run, &display).await?;
            display.end();
            report
        }
        (None, Some(keyring)) => {
            // Asked for first, so that a name that is not there is bad input and no failure of the audit.
            database.ledger.find_keyring(&keyring.namespace, &keyring.name).await?;
            let options = AuditOptions::default();
            audit_keyring(&database.ledger, &keyring.namespace, &keyring.name, &options).await?
        }
        // The command line asks for one of both.
        (None, None) => return Ok(Exit::BadInput),
    };
    match arguments.output {
        Output::Table => line(&text(&report))?,
        Output::Json => line(&serde_json::json!(report).to_string())?,
    }
    Ok(if report.holds() { Exit::Done } else { Exit::Failed })
}

/// Audits a run as a stage that is shown.
pub(crate) async fn audit_with_bar(
    database: &Database,
    run: &Run,
    display: &Display,
) -> Result<Report, CliError> {
    let bar = display.stage(
        Stage::Auditing,
        run.sealed_records.unwrap_or(run.source.record_count).unsigned_abs(),
        0,
    );
    let progress = move |records| bar.at(records);
    Ok(audit(&database.ledger, &run.namespace, &run.name, &AuditOptions::default(), progress).await?)
}

/// A line per law, and under it the first violations.
pub(crate) fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for law in &report.laws {
        let verdict = if law.violations == 0 { "holds" } else { "BROKEN" };
        lines.push(format!("{verdict:6}  law {} {:26} {}", law.law.number(), law.law.title(), law.counted));
        for violation in &law.first {
            lines.push(format!("          {violation}"));
        }
        let more = law.violations.saturating_sub(law.first.len() as u64);
        if more > 0 {
            lines.push(format!("          and {more} more"));
        }
    }
    lines.join("\n")
}
