//! `chancery verify`.

use chancery_audit::{Ahead, AuditOptions, PolicyCheck, Report, audit_after, audit_keyring};
use chancery_process::{Exit, LogFormat, grouped};
use chancery_statement::TrustedKeys;
use chancery_stating::{KeptStatement, StatementReport};
use chancery_store::{Run, StoreError};

use crate::arguments::{DatabaseArguments, Output, VerifyArguments};
use crate::database::Database;
use crate::display::{Display, Stage};
use crate::error::CliError;
use crate::output::line;
use crate::run_name::RunName;
use crate::trusted;

pub(crate) async fn verify(
    database: &DatabaseArguments,
    arguments: &VerifyArguments,
) -> Result<Exit, CliError> {
    let stated = Stated {
        trusted: trusted::keys(&arguments.trusted_keys)?,
        kept: trusted::statements(&arguments.statements)?,
    };
    Database::with(database, async |database| check(database, arguments, &stated).await).await
}

/// What the ledger is compared with besides itself.
struct Stated {
    trusted: TrustedKeys,
    kept: Vec<KeptStatement>,
}

async fn check(database: &Database, arguments: &VerifyArguments, stated: &Stated) -> Result<Exit, CliError> {
    let policy = if arguments.policy { PolicyCheck::All } else { PolicyCheck::Sample };
    let (laws, statements) = match (&arguments.run, &arguments.keyring) {
        (Some(run), _) if arguments.trusted_keys.is_empty() => {
            (Some(laws_of(database, run, policy).await?), None)
        }
        (Some(run), _) => {
            let laws = match laws_of(database, run, policy).await {
                // Statements that were kept may speak of it.
                Err(CliError::Store(StoreError::NoRun(_))) if !stated.kept.is_empty() => None,
                laws => Some(laws?),
            };
            (laws, Some(statements_of(database, run, stated).await?))
        }
        (None, Some(keyring)) => {
            // Asked for first, so that a name that is not there is bad input and no failure of the audit.
            database.ledger.find_keyring(&keyring.namespace, &keyring.name).await?;
            let options = AuditOptions::default();
            let report = audit_keyring(&database.ledger, &keyring.namespace, &keyring.name, &options).await?;
            (Some(report), None)
        }
        // The command line asks for one of both.
        (None, None) => return Ok(Exit::BadInput),
    };
    match arguments.output {
        Output::Table => {
            laws.iter().try_for_each(|laws| line(&text(laws)))?;
            statements.iter().try_for_each(|statements| line(&text_of_statements(statements)))?;
        }
        Output::Json => line(&json(laws.as_ref(), statements.as_ref()).to_string())?,
    }
    let holds = laws.is_none_or(|laws| laws.holds()) && statements.is_none_or(|stated| stated.holds());
    Ok(if holds { Exit::Done } else { Exit::Failed })
}

async fn laws_of(database: &Database, run: &RunName, policy: PolicyCheck) -> Result<Report, CliError> {
    let run = database.ledger.find_run(&run.namespace, &run.name).await?;
    let display = Display::new(LogFormat::Text);
    let report = audit_with_bar(database, &run, &Ahead::default(), &display, policy).await?;
    display.end();
    Ok(report)
}

async fn statements_of(
    database: &Database,
    run: &RunName,
    stated: &Stated,
) -> Result<StatementReport, CliError> {
    let RunName { namespace, name } = run;
    let Stated { trusted, kept } = stated;
    Ok(chancery_stating::check(&database.ledger, namespace, name, trusted, kept).await?)
}

/// Audits a run as a stage that is shown, after some of it was checked already.
pub(crate) async fn audit_with_bar(
    database: &Database,
    run: &Run,
    ahead: &Ahead,
    display: &Display,
    policy: PolicyCheck,
) -> Result<Report, CliError> {
    // A run with sources has had no number of records until it was sealed.
    let records = match run.records() {
        Some(records) => records,
        None => database.ledger.find_run(&run.namespace, &run.name).await?.records().unwrap_or_default(),
    };
    let bar = display.stage(Stage::Auditing, records.unsigned_abs(), 0);
    let progress = move |records| bar.at(records);
    let options = AuditOptions { policy, ..AuditOptions::default() };
    Ok(audit_after(&database.ledger, &run.namespace, &run.name, &options, ahead, progress).await?)
}

fn json(laws: Option<&Report>, statements: Option<&StatementReport>) -> serde_json::Value {
    let mut json = laws.map_or_else(|| serde_json::json!({}), |laws| serde_json::json!(laws));
    if let Some(statements) = statements {
        json["statements"] = serde_json::json!(statements);
    }
    json
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

/// The same for what was stated.
fn text_of_statements(report: &StatementReport) -> String {
    let verdict = if report.holds() { "holds" } else { "BROKEN" };
    let counted = format!(
        "{} about this run, of {} in the ledger",
        grouped(report.about.len() as u64),
        grouped(report.chain)
    );
    let mut lines = vec![format!("{verdict:6}  {:32} {counted}", "what was stated")];
    lines.extend(report.about.iter().map(|head| {
        format!("          statement {} ({}), SHA-256 {}", head.number, head.kind.name(), head.hash)
    }));
    lines.extend(report.violations.iter().map(|violation| format!("          {violation}")));
    lines.extend(
        report
            .not_trusted
            .iter()
            .map(|other| format!("          about another run, so no matter for this one: {other}")),
    );
    lines.join("\n")
}
