//! Reading the dead letters of a run again, in a run that is made as that one was.

use std::path::PathBuf;
use std::time::Duration;

use chancery_api::{
    Algorithm, DeadLetterSpec, IdempotencyBy, IdempotencySpec, KeyringRef, LeaseDuration, ReplaySelect,
    RunSource, SigningRun, SigningRunSpec, SourceSpec, manifest_yaml,
};
use chancery_process::{Exit, LogFormat};
use chancery_sources::replay::{Reader, may_be_read_again};
use chancery_store::{Idempotency, Run, Sources, StoreError};

use crate::arguments::{DatabaseArguments, Output, RedriveOutput, SigningArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::run::manifest::Request;
use crate::run::{How, run_request};
use crate::run_name::RunName;

/// The name of the source of a run that is made here.
const SOURCE: &str = "dead-letters";

/// Which dead letters are read again, and by which run.
#[derive(Debug)]
pub(super) struct Redrive<'a> {
    pub(super) run: &'a RunName,
    pub(super) into: &'a str,
    pub(super) signing: &'a SigningArguments,
    pub(super) output: RedriveOutput,
}

impl Redrive<'_> {
    /// Signs them here, or writes the manifest that has them signed.
    pub(super) async fn drive(
        &self,
        database: &DatabaseArguments,
        log_format: LogFormat,
    ) -> Result<Exit, CliError> {
        let (found, redriven) = self.look(database).await?;
        let request = Request::of(&redriven, PathBuf::from(format!("the run {}", self.into)))?;
        let output = match self.output {
            RedriveOutput::Yaml => {
                output::write(manifest_yaml(&redriven).as_bytes())?;
                return Ok(Exit::Done);
            }
            RedriveOutput::Table => Output::Table,
            RedriveOutput::Json => Output::Json,
        };
        if reader(&found) == Reader::SigningRun {
            return Err(CliError::RedriveOnCluster {
                run: format!("{}/{}", found.namespace, found.name),
                into: self.into.to_owned(),
            });
        }
        run_request(database, &request, How { signing: self.signing, output, log_format }).await
    }

    /// The run whose dead letters they are, and the one that reads them.
    async fn look(&self, database: &DatabaseArguments) -> Result<(Run, SigningRun), CliError> {
        let mut found = None;
        Database::with(database, async |database: &Database| {
            found = Some(database.ledger.find_run(&self.run.namespace, &self.run.name).await?);
            Ok(Exit::Done)
        })
        .await?;
        let found = found.ok_or_else(|| StoreError::NoRun(self.run.to_string()))?;
        let not_read = |reason| CliError::NotReadAgain { name: SOURCE.to_owned(), reason };
        may_be_read_again(&found, reader(&found), ReplaySelect::DeadLetters).map_err(not_read)?;
        let redriven = redriven(&found, self.into);
        Ok((found, redriven))
    }
}

/// Who may read the run again.
fn reader(found: &Run) -> Reader {
    if found.owner.has_no_cluster() { Reader::Command } else { Reader::SigningRun }
}

/// A run as the other one is, that reads its dead letters.
fn redriven(run: &Run, into: &str) -> SigningRun {
    let int = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let ring = &run.keyring;
    let mut spec = SigningRunSpec::new(1, ring.key_count, int(run.batch_size));
    spec.record_count = None;
    spec.algorithm = ring.algorithm.parse::<Algorithm>().ok();
    spec.key_size = ring.key_size;
    spec.keyring_ref = ring.name.clone().map(|name| KeyringRef { name });
    spec.sources = Some(vec![SourceSpec {
        name: SOURCE.to_owned(),
        objects: None,
        format: None,
        table: None,
        run: Some(RunSource { name: run.name.clone(), select: ReplaySelect::DeadLetters }),
        http: None,
    }]);
    if let Some(sources) = run.input.sources() {
        spec.idempotency = Some(idempotency(sources));
        spec.dead_letter = Some(DeadLetterSpec {
            retention: LeaseDuration::from(sources.dead_letter.retention),
            limit: sources.dead_letter.limit,
        });
    }
    let mut redriven = SigningRun::new(into, spec);
    redriven.metadata.namespace = Some(run.namespace.clone());
    redriven
}

fn idempotency(sources: &Sources) -> IdempotencySpec {
    let window = Some(sources.digest_window).filter(|window| *window > Duration::ZERO);
    IdempotencySpec {
        by: match &sources.idempotency {
            Idempotency::Content => IdempotencyBy::Content,
            Idempotency::Expression(_) => IdempotencyBy::Expression,
            Idempotency::None => IdempotencyBy::None,
        },
        expression: sources.idempotency.expression().map(str::to_owned),
        window: window.map(LeaseDuration::from),
    }
}
