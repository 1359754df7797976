//! `chancery run`: seed, sign, audit, on one machine.

mod manifest;
mod signer_end;
mod signer_process;
mod summary;
mod supervisor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_process::{Exit, LogFormat, Stop};
use chancery_seeding::seed;
use chancery_store::Run;

use crate::arguments::{DatabaseArguments, RunArguments};
use crate::database::Database;
use crate::display::Display;
use crate::error::CliError;
use crate::run::manifest::{KekSource, Request};
use crate::run::summary::Summary;
use crate::run::supervisor::{Ended, Supervisor};
use crate::verify;

/// How long signers may finish what they have in hand once we are asked to stop.
const GRACE: Duration = Duration::from_secs(20);

pub(crate) async fn run(
    database: &DatabaseArguments,
    log_format: LogFormat,
    arguments: &RunArguments,
) -> Result<Exit, CliError> {
    let request = manifest::read(&arguments.file)?;
    let kek = KekSource::find(arguments.kek_file.as_deref(), &database.data_dir)?;
    let signers = arguments.signers.unwrap_or_else(|| request.signers());
    let stop = Stop::on_signals(GRACE).map_err(CliError::Signals)?;

    let database = Database::open_or_create(database, signers).await?;
    let outcome = sign_and_audit(&database, &request, kek, signers, log_format, arguments, stop).await;
    let closed = database.close().await;
    let exit = outcome?;
    closed.map(|()| exit)
}

async fn sign_and_audit(
    database: &Database,
    request: &Request,
    kek: KekSource,
    signers: u32,
    log_format: LogFormat,
    arguments: &RunArguments,
    stop: Stop,
) -> Result<Exit, CliError> {
    let display = Display::new(log_format);
    let began = Instant::now();
    let (run, kek, kek_path) = request.create_or_continue(database, kek).await?;
    let mut summary = Summary::new(&run, signers);

    let seeding = Instant::now();
    tokio::select! {
        seeded = seed_run(database, &run, &kek, &display) => seeded?,
        () = stop.asked() => return Ok(interrupted(&display)),
    }
    summary.seeded_in(seeding.elapsed());
    if request.valid.suspend {
        display.say("the run is suspended: it is seeded, and signed once spec.suspend is false");
    } else {
        let supervisor = Supervisor::new(database, &run, &kek_path, signers, log_format, &display);
        match supervisor.sign(&stop).await? {
            Ended::Complete(signed) => summary.signed_now(signed),
            Ended::Stopped => return Ok(interrupted(&display)),
            Ended::Suspended => {
                display.say("the run was suspended meanwhile; it goes on once spec.suspend is false");
                display.end();
                return Ok(Exit::Done);
            }
        }
        database.ledger.settle(&run).await.map_err(|error| CliError::from(error).while_signing())?;
    }
    let report = if arguments.skip_audit || request.valid.suspend {
        None
    } else {
        tokio::select! {
            report = verify::audit_with_bar(database, &run, &display) => Some(report?),
            () = stop.asked() => return Ok(interrupted(&display)),
        }
    };
    summary.finish(database, &run, began.elapsed()).await?;
    display.end();
    summary.print(arguments.output, report.as_ref())?;
    Ok(if report.is_none_or(|report| report.holds()) { Exit::Done } else { Exit::Failed })
}

fn interrupted(display: &Display) -> Exit {
    display.say("stopped; the same command goes on where this one ended");
    display.end();
    Exit::Interrupted
}

async fn seed_run(
    database: &Database,
    run: &Run,
    kek: &Arc<chancery_keyring::Kek>,
    display: &Display,
) -> Result<(), CliError> {
    seed(&database.ledger, run, kek, |progress| display.seeding(progress)).await?;
    Ok(())
}
