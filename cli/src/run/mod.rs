//! `chancery run`: make records, have them signed, audit, on one machine.

mod beside;
mod checking;
pub(crate) mod child;
mod delivery;
mod given_up;
mod incoming;
mod intake;
mod login;
pub(crate) mod manifest;
mod patience;
mod pushed;
mod room;
mod signer_end;
mod signer_process;
mod standstill;
mod stating;
mod summary;
mod supervisor;
mod supply;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_api::AuditPolicy;
use chancery_audit::PolicyCheck;
use chancery_keyring::DataKey;
use chancery_process::{Exit, LogFormat, Stop};
use chancery_statement::StatementKey;
use chancery_store::Run;
use tokio::sync::watch;

use crate::arguments::{DatabaseArguments, Output, RunArguments, SigningArguments};
use crate::database::Database;
use crate::display::Display;
use crate::error::CliError;
use crate::kek_source::KekSource;
use crate::run::checking::Checking;
use crate::run::delivery::{Delivered, deliver};
use crate::run::given_up::given_up;
use crate::run::intake::{Taken, read_sources};
use crate::run::login::{ChildLogin, drop_left_behind};
use crate::run::manifest::{Request, TakenOver};
use crate::run::room::Room;
use crate::run::signer_process::SignerCommand;
use crate::run::stating::Stating;
use crate::run::summary::Summary;
use crate::run::supervisor::{Ended, Supervisor};
use crate::run::supply::AtOnce;
use crate::{statement_key, verify};

/// How long signers may finish what they have in hand once we are asked to stop.
const GRACE: Duration = Duration::from_secs(20);

pub(crate) async fn run(
    database: &DatabaseArguments,
    log_format: LogFormat,
    arguments: &RunArguments,
) -> Result<Exit, CliError> {
    let request = manifest::read(&arguments.file)?;
    let how = How { signing: &arguments.signing, output: arguments.output, log_format };
    run_request(database, &request, how).await
}

/// How a run is signed, and shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    pub(crate) signing: &'a SigningArguments,
    pub(crate) output: Output,
    pub(crate) log_format: LogFormat,
}

/// Makes the run that is asked for, or continues it.
pub(crate) async fn run_request(
    database: &DatabaseArguments,
    request: &Request,
    how: How<'_>,
) -> Result<Exit, CliError> {
    let arguments = how.signing;
    let kek = KekSource::find(arguments.kek_file.as_deref(), &arguments.former_kek_file, &database.data_dir)?;
    let statement_key = statement_key::find(arguments.statement_key.as_deref(), &database.data_dir)?;
    let most = arguments.signers.unwrap_or(request.valid.parallelism).max(1);
    let stop = Stop::on_signals(GRACE).map_err(CliError::Signals)?;

    let database = Database::open_or_create(database, most).await?;
    let outcome = sign_and_audit(&database, request, kek, &statement_key, how, stop).await;
    let closed = database.close().await;
    let exit = outcome?;
    closed.map(|()| exit)
}

async fn sign_and_audit(
    database: &Database,
    request: &Request,
    kek: KekSource,
    statement_key: &StatementKey,
    How { signing: arguments, output, log_format }: How<'_>,
    stop: Stop,
) -> Result<Exit, CliError> {
    let display = Display::new(log_format);
    let began = Instant::now();
    let taken_over = TakenOver { run: arguments.adopt, keyring: arguments.adopt_keyring };
    let (run, data_key) = request.create_or_continue(database, kek, taken_over).await?;
    if !run.sinks.0.is_empty() {
        database.ledger.state_manifests(&run).await?;
    }
    let data_key = Arc::new(data_key);
    let room = Room::of(database.disk(), arguments.disk_floor);
    let mut summary = Summary::new(&run);
    let stating = Stating::new(database, &run, statement_key);
    let checking = Checking::new(database, &run, arguments.signers.unwrap_or(request.valid.parallelism));
    let is_audited =
        !(arguments.skip_audit || request.valid.audit == AuditPolicy::Never || request.valid.suspend);

    let seeding = Instant::now();
    if request.valid.suspend {
        let (_, until) = request.valid.held_by();
        if run.input.generated().is_some() {
            let at_once = AtOnce::without_signers();
            tokio::select! {
                supplied = supply::make_records(database, &run, &at_once, &room, &display, |_| {}) => supplied?,
                () = stop.asked() => return Ok(interrupted(&display)),
            }
            display.say(&format!("the run is suspended: its records are made; its keys are made, and the records signed, {until}"));
        } else {
            display.say(&format!(
                "the run is suspended: its sources are read, its keys made, and the records signed, {until}"
            ));
        }
        summary.seeded_in(seeding.elapsed());
    } else {
        let signers = Signers {
            most: arguments.signers,
            data_key: &data_key,
            log_format,
            room: &room,
            stating: &stating,
        };
        let done = tokio::select! {
            done = sign_and_deliver(database, request, &run, &signers, &display, &stop, seeding) => done?,
            never = stating.keep_up() => match never {},
            never = checking.keep_up(), if is_audited => match never {},
        };
        summary.seeded_in(done.seeding);
        summary.signed_by(done.signers);
        match done.ended {
            Ended::Complete(signed) => summary.signed_now(signed),
            Ended::Stopped => return Ok(interrupted(&display)),
            Ended::Suspended => return Ok(suspended(&display)),
        }
        match done.delivered {
            Delivered::All => {}
            Delivered::Stopped => return Ok(interrupted(&display)),
            Delivered::Suspended => return Ok(suspended(&display)),
        }
    }
    let signed = Instant::now();
    tokio::select! {
        heads = stating.catch_up() => summary.stated(heads.map_err(CliError::while_signing)?),
        () = stop.asked() => return Ok(interrupted(&display)),
    }
    let ahead = checking.done();
    let report = if is_audited {
        tokio::select! {
            report = verify::audit_with_bar(database, &run, &ahead, &display, PolicyCheck::Sample) => Some(report?),
            () = stop.asked() => return Ok(interrupted(&display)),
        }
    } else {
        None
    };
    if report.is_some() {
        summary.audited_in(signed.elapsed());
    }
    summary.finish(database, &run, began.elapsed()).await?;
    display.end();
    summary.print(output, report.as_ref())?;
    if report.is_some_and(|report| !report.holds()) {
        return Ok(Exit::Failed);
    }
    given_up(database, &run).await?;
    Ok(Exit::Done)
}

/// How the signers are started.
struct Signers<'a> {
    most: Option<u32>,
    data_key: &'a Arc<DataKey>,
    log_format: LogFormat,
    room: &'a Room,
    /// What is told once all is signed.
    stating: &'a Stating<'a>,
}

/// What came of making records and signing them.
struct Done {
    seeding: Duration,
    signers: u32,
    ended: Ended,
    /// What came of delivering them.
    delivered: Delivered,
}

/// Signs as records come, and delivers what is signed beside it. A sink that is away holds up no signer, and neither does a delivery that
/// fails: that is told in the end.
async fn sign_and_deliver(
    database: &Database,
    request: &Request,
    run: &Run,
    how: &Signers<'_>,
    display: &Display,
    stop: &Stop,
    began: Instant,
) -> Result<Done, CliError> {
    let signing = async {
        let done = sign_as_records_come(database, request, run, how, display, stop, began).await;
        if !matches!(done, Ok(Done { ended: Ended::Complete(_), .. })) {
            // Nothing more is signed: whoever goes on with the run delivers the rest.
            stop.now();
            return done;
        }
        how.stating.all_is_signed();
        database.ledger.settle(run).await.map_err(|error| CliError::from(error).while_signing())?;
        done
    };
    let delivering = async {
        let delivered = deliver(database, run, how.log_format, display, stop).await;
        if let Err(error) = &delivered {
            display.above_bars(|| tracing::warn!("{error}; meanwhile, signing goes on"));
        }
        delivered
    };
    let (signed, delivered) = tokio::join!(signing, delivering);
    drop_left_behind(database, run).await;
    match signed? {
        done @ Done { ended: Ended::Complete(_), .. } => Ok(Done { delivered: delivered?, ..done }),
        done => Ok(done),
    }
}

/// Makes the records, or reads them, and starts the signers beside it: they make the keys, and sign the first batches while the
/// others still come. Either of both that fails ends
/// the other.
async fn sign_as_records_come(
    database: &Database,
    request: &Request,
    run: &Run,
    how: &Signers<'_>,
    display: &Display,
    stop: &Stop,
    began: Instant,
) -> Result<Done, CliError> {
    let (told, mut heard) = watch::channel(());
    let at_once = AtOnce::default();
    let supplying = async {
        let told = told;
        let supplied = if run.input.generated().is_some() {
            tokio::select! {
                supplied = supply::make_records(database, run, &at_once, how.room, display, |_| { told.send_replace(()); }) => {
                    supplied.map(|()| Taken::Sealed)
                }
                () = stop.asked() => Ok(Taken::Stopped),
            }
        } else if is_pushed(run) {
            pushed::receive(database, run, how.log_format, how.room, display, stop, || {
                told.send_replace(());
            })
            .await
        } else {
            read_sources(database, run, how.log_format, how.room, display, stop, || {
                told.send_replace(());
            })
            .await
        };
        // Should the run go on this moment, signers that have not seen it suspended would wait for what nobody reads.
        if matches!(supplied, Err(_) | Ok(Taken::Suspended)) {
            stop.now();
        }
        supplied.map(|taken| (taken, began.elapsed()))
    };
    let signing = async {
        let wanted = |left| {
            let keys = run.keyring.key_count.unsigned_abs();
            how.most.unwrap_or_else(|| request.valid.signers(keys, left))
        };
        let ended = match supply::enough_work(database, run, &at_once, &mut heard, wanted).await {
            Ok(Some(signers)) => {
                sign(database, run, how, signers, &at_once, display, stop).await.map(|ended| (signers, ended))
            }
            Ok(None) => Ok((0, Ended::Stopped)),
            Err(error) => Err(error),
        };
        if !matches!(ended, Ok((_, Ended::Complete(_) | Ended::Suspended))) {
            stop.now();
        }
        ended
    };
    let (supplied, signed) = tokio::join!(supplying, signing);
    match (supplied, signed) {
        // Signers that were stopped because no records can be made have nothing else to tell.
        (Err(error), Ok((_, Ended::Stopped | Ended::Suspended))) => Err(error),
        (_, Err(error)) => Err(error),
        (Ok((Taken::Suspended, seeding)), Ok((signers, Ended::Stopped))) => {
            Ok(Done { seeding, signers, ended: Ended::Suspended, delivered: Delivered::Stopped })
        }
        (supplied, Ok((signers, ended))) => {
            Ok(Done { seeding: supplied?.1, signers, ended, delivered: Delivered::Stopped })
        }
    }
}

/// Whether programs push to the run.
fn is_pushed(run: &Run) -> bool {
    run.input.sources().is_some_and(|sources| sources.pushed().is_some())
}

/// Signs with so many signers, by a login that is made for them.
async fn sign(
    database: &Database,
    run: &Run,
    how: &Signers<'_>,
    signers: u32,
    at_once: &AtOnce,
    display: &Display,
    stop: &Stop,
) -> Result<Ended, CliError> {
    let login = ChildLogin::for_signers(database, run, signers).await?;
    let command = SignerCommand::new(run, login.url()?, how.data_key, how.log_format);
    let ended = Supervisor::new(database, run, command, signers, at_once, display).sign(stop).await;
    login.drop().await;
    ended
}

fn suspended(display: &Display) -> Exit {
    display.say("the run was suspended meanwhile; it continues once spec.suspend is false");
    display.end();
    Exit::Done
}

fn interrupted(display: &Display) -> Exit {
    display.say("stopped; the same command continues where this one ended");
    display.end();
    Exit::Interrupted
}
