//! `chancery dead-letters`: what could not become a record, or could not be delivered, and what is done with it.

mod act;
mod deliveries;
pub(crate) mod delivery_name;
pub(crate) mod letter;
mod list;
mod redrive;
mod show;

use chancery_process::{Exit, LogFormat};
use chancery_sources::letters::{Selection, Unsaid, Wanted};
use chancery_store::delivery::{DeliveriesAct, WhichDeliveries};

use crate::arguments::{
    DatabaseArguments, DeadLettersCommand, OfDeliveries, Output, RedriveArguments, RedriveOutput,
    WhichDeadLetters,
};
use crate::database::Database;
use crate::dead_letters::delivery_name::AnyLetter;
use crate::dead_letters::redrive::Redrive;
use crate::error::CliError;

pub(crate) async fn dead_letters(
    database: &DatabaseArguments,
    log_format: LogFormat,
    command: &DeadLettersCommand,
) -> Result<Exit, CliError> {
    match command {
        DeadLettersCommand::List { run, which, output } if which.of_deliveries.deliveries => {
            let which = which.deliveries();
            Database::with(database, async |database| deliveries::list(database, run, &which, *output).await)
                .await
        }
        DeadLettersCommand::List { run, which, output } => {
            let selection = which.selection()?;
            Database::with(database, async |database| list::list(database, run, &selection, *output).await)
                .await
        }
        DeadLettersCommand::Show { run, letter, output } => {
            Database::with(database, async |database| match letter {
                AnyLetter::Arrival(letter) => show::show(database, run, letter, *output).await,
                AnyLetter::Delivery(letter) => deliveries::show(database, run, letter, *output).await,
            })
            .await
        }
        DeadLettersCommand::Redrive(arguments) if arguments.which.of_deliveries.deliveries => {
            let RedriveArguments { run, which, output, .. } = &**arguments;
            let (which, kind) = (which.deliveries(), DeliveriesAct::Redrive);
            let output = match output {
                RedriveOutput::Table => Output::Table,
                RedriveOutput::Json => Output::Json,
                RedriveOutput::Yaml => return Err(CliError::ManifestOfNoRun(run.to_string())),
            };
            Database::with(database, async |database| {
                deliveries::act(database, run, kind, &which, output).await
            })
            .await
        }
        DeadLettersCommand::Redrive(arguments) => Redrive(arguments).drive(database, log_format).await,
        DeadLettersCommand::Discard { run, which, all, output } if which.of_deliveries.deliveries => {
            let (which, kind) = (which.deliveries(), DeliveriesAct::Discard);
            if which == WhichDeliveries::default() && !all {
                return Err(CliError::DiscardNoDelivery(run.to_string()));
            }
            Database::with(database, async |database| {
                deliveries::act(database, run, kind, &which, *output).await
            })
            .await
        }
        DeadLettersCommand::Discard { run, which, all, output } => {
            let selection = which.selection()?;
            if selection.words().is_empty() && !all {
                return Err(CliError::DiscardNothing(run.to_string()));
            }
            Database::with(database, async |database| act::discard(database, run, &selection, *output).await)
                .await
        }
        DeadLettersCommand::Log { run, deliveries: true, output } => {
            Database::with(database, async |database| deliveries::log(database, run, *output).await).await
        }
        DeadLettersCommand::Log { run, deliveries: false, output } => {
            Database::with(database, async |database| act::log(database, run, *output).await).await
        }
    }
}

impl WhichDeadLetters {
    fn selection(&self) -> Result<Selection, CliError> {
        let Self { stage, rule, reason, source, older_than, newer_than, selector, of_deliveries: _ } = self;
        let wanted = Wanted {
            stage: stage.clone(),
            rule: rule.clone(),
            reason: reason.clone(),
            source: source.clone(),
            older_than: *older_than,
            newer_than: *newer_than,
            selector: selector.clone(),
        };
        Selection::of(wanted).map_err(CliError::Selector)
    }

    fn deliveries(&self) -> WhichDeliveries {
        let OfDeliveries { deliveries: _, sink, batch } = &self.of_deliveries;
        WhichDeliveries { sink: sink.clone(), batch: *batch, reason: self.reason.clone() }
    }
}

/// Says of how many letters the selector could not say whether they are meant.
fn say_unsaid(Unsaid { letters, first }: &Unsaid) {
    if *letters > 0 {
        tracing::warn!(
            letters,
            "the selector fails for some dead letters, which are left out; for the first because: {first}"
        );
    }
}

/// Says of how many letters nothing is to be judged.
fn say_not_whole(not_whole: u64) {
    if not_whole > 0 {
        tracing::warn!(
            letters = not_whole,
            "some selected dead letters are left where they are: their bytes are not there to their end"
        );
    }
}

/// Who gives the command, as far as this machine knows.
fn actor() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let user = user.map_or_else(|| format!("uid {}", nix::unistd::geteuid()), |user| user.name);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    format!("{user}@{host}")
}
