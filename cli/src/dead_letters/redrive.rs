//! Dead letters that are judged anew: in their own run, or in another one, which is made as that one was.

use std::path::PathBuf;

use chancery_api::{SigningRun, manifest_yaml};
use chancery_process::{Exit, LogFormat, grouped, say};
use chancery_sources::letters::{Noted, Selection, goes_on, note_for};
use chancery_sources::redrive::{SOURCE, leaves_sinks_out, reader, redriven};
use chancery_sources::replay::Reader;
use chancery_store::{NewPolicy, Run, StoreError};

use super::{act, actor, say_not_whole, say_unsaid};
use crate::arguments::{DatabaseArguments, Output, RedriveArguments, RedriveOutput};
use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::run::manifest::Request;
use crate::run::{How, run_request};

/// Which dead letters are judged anew, and by which run.
#[derive(Debug)]
pub(super) struct Redrive<'a>(pub(super) &'a RedriveArguments);

impl Redrive<'_> {
    /// Has them judged here, or writes the manifest that has them read.
    pub(super) async fn drive(
        &self,
        database: &DatabaseArguments,
        log_format: LogFormat,
    ) -> Result<Exit, CliError> {
        let RedriveArguments { run, into, which, signing, output } = self.0;
        let selection = which.selection()?;
        let result = match output {
            RedriveOutput::Yaml => None,
            RedriveOutput::Table => Some(Output::Table),
            RedriveOutput::Json => Some(Output::Json),
        };
        let Some(into) = into else {
            let Some(output) = result else { return Err(CliError::ManifestOfNoRun(run.to_string())) };
            return Database::with(database, async |database| {
                act::take_up(database, run, &selection, output).await
            })
            .await;
        };
        let Looked { found, policy, redriven } = self.look(database, into).await?;
        let request = Request::of(&redriven, policy, PathBuf::from(format!("the run {into}")))?;
        if result.is_some() && reader(&found) == Reader::SigningRun {
            return Err(CliError::RedriveOnCluster {
                run: format!("{}/{}", found.namespace, found.name),
                into: into.clone(),
            });
        }
        if leaves_sinks_out(&found) {
            say(&format!(
                "{}/{} has sinks or notifications, and what they need is not in the ledger: add spec.sinks and spec.notifications to the manifest, or {into} has none",
                found.namespace, found.name
            ));
        }
        let noted = note(database, &found, into, &selection).await?;
        if noted != Exit::Done {
            return Ok(noted);
        }
        match result {
            None => {
                output::write(manifest_yaml(&redriven).as_bytes())?;
                Ok(Exit::Done)
            }
            Some(output) => run_request(database, &request, How { signing, output, log_format }).await,
        }
    }

    async fn look(&self, database: &DatabaseArguments, into: &str) -> Result<Looked, CliError> {
        let name = &self.0.run;
        let mut found = None;
        Database::with(database, async |database: &Database| {
            let run = database.ledger.find_run(&name.namespace, &name.name).await?;
            let text = database.ledger.policy_of(&run).await?;
            found = Some((run, text));
            Ok(Exit::Done)
        })
        .await?;
        let (found, text) = found.ok_or_else(|| StoreError::NoRun(name.to_string()))?;
        let policy = found.policy.as_ref().zip(text);
        let policy = policy.map(|(policy, text)| NewPolicy { name: policy.name.clone(), text: text.text });
        let not_read = |reason| CliError::NotReadAgain { name: SOURCE.to_owned(), reason };
        let redriven = redriven(&found, into).map_err(not_read)?;
        Ok(Looked { found, policy, redriven })
    }
}

/// Notes what the other run reads, unless it is there: then it goes on with what it was given.
async fn note(
    database: &DatabaseArguments,
    found: &Run,
    into: &str,
    selection: &Selection,
) -> Result<Exit, CliError> {
    Database::with(database, async |database: &Database| {
        match database.ledger.find_run(&found.namespace, into).await {
            Ok(_) => {
                goes_on(&database.ledger, found, into, selection).await?;
                return Ok(Exit::Done);
            }
            Err(StoreError::NoRun(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let Noted { letters, before, not_whole, unsaid } =
            note_for(&database.ledger, found, into, selection, &actor()).await?;
        say_unsaid(&unsaid);
        say_not_whole(not_whole);
        let when = if before { "were noted before" } else { "are noted" };
        say(&format!(
            "{} dead letters of {}/{} {when} for {into}",
            grouped(letters),
            found.namespace,
            found.name
        ));
        Ok(Exit::Done)
    })
    .await
}

/// The run whose dead letters they are, the version of the policy that judges them anew, and the run that reads them.
struct Looked {
    found: Run,
    policy: Option<NewPolicy>,
    redriven: SigningRun,
}
