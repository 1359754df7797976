//! Reading the dead letters of a run again, in a run that is made as that one was.

use std::path::PathBuf;

use chancery_api::{SigningRun, manifest_yaml};
use chancery_process::{Exit, LogFormat};
use chancery_sources::redrive::{SOURCE, reader, redriven};
use chancery_sources::replay::Reader;
use chancery_store::{NewPolicy, Run, StoreError};

use crate::arguments::{DatabaseArguments, Output, RedriveOutput, SigningArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::run::manifest::Request;
use crate::run::{How, run_request};
use crate::run_name::RunName;

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
        let Looked { found, policy, redriven } = self.look(database).await?;
        let request = Request::of(&redriven, policy, PathBuf::from(format!("the run {}", self.into)))?;
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

    async fn look(&self, database: &DatabaseArguments) -> Result<Looked, CliError> {
        let mut found = None;
        Database::with(database, async |database: &Database| {
            let run = database.ledger.find_run(&self.run.namespace, &self.run.name).await?;
            let text = database.ledger.policy_of(&run).await?;
            found = Some((run, text));
            Ok(Exit::Done)
        })
        .await?;
        let (found, text) = found.ok_or_else(|| StoreError::NoRun(self.run.to_string()))?;
        let policy = found.policy.as_ref().zip(text);
        let policy = policy.map(|(policy, text)| NewPolicy { name: policy.name.clone(), text: text.text });
        let not_read = |reason| CliError::NotReadAgain { name: SOURCE.to_owned(), reason };
        let redriven = redriven(&found, self.into).map_err(not_read)?;
        Ok(Looked { found, policy, redriven })
    }
}

/// The run whose dead letters they are, the version of the policy that judges them anew, and the run that reads them.
struct Looked {
    found: Run,
    policy: Option<NewPolicy>,
    redriven: SigningRun,
}
