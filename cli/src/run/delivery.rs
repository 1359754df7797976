//! Delivering to the sinks of a run, and telling whoever is told of what happens to it: the program that does both, kept running until
//! nothing is left of either.

use std::collections::HashSet;
use std::env;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chancery_process::{Exit, LogFormat, Stop};
use chancery_store::notifications::NotificationProgress;
use chancery_store::sinks::SinkProgress;
use chancery_store::{Progress, Run};

use crate::database::Database;
use crate::display::{Display, Stage, StageBar};
use crate::error::CliError;
use crate::run::beside::{Beside, Restarts};
use crate::run::child::{holder_name, program};
use crate::run::login::ChildLogin;
use crate::run::patience::Patience;
use crate::run::{incoming, is_pushed};

/// How often the ledger is asked how far it is.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Sessions for each sink: one for each of its two senders, and as many again while the server has not noticed that those of a dead delivery
/// are gone.
const SESSIONS: u32 = 4;

/// The same for each notification, which has one.
const SESSIONS_TO_TELL: u32 = 2;

/// For how many seconds whoever is to be told is waited for that cannot be reached, once the run is complete: somebody waits for this
/// command.
const TELL_FOR: &str = "60";

/// By how much others on this machine go first, signers among them: by as much as there is.
const NICE: &str = "19";

/// How delivering ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// Each sink has every batch, and everybody was told, or it was given up. So it is of a run without sinks that tells nobody.
    All,
    /// Somebody suspended the run meanwhile.
    Suspended,
    Stopped,
}

/// Delivers what is signed until nothing is left, as a stage that is shown. A sink that cannot be reached is waited for. Also of a run that is
/// complete: dead letters may have been taken up again.
pub(crate) async fn deliver(
    database: &Database,
    run: &Run,
    log_format: LogFormat,
    display: &Display,
    stop: &Stop,
) -> Result<Delivered, CliError> {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (sinks, notifications) = (count(run.sinks.0.len()), count(run.notifications.0.len()));
    if sinks == 0 && notifications == 0 {
        return Ok(Delivered::All);
    }
    let before = look(database, run).await?;
    let sessions = (sinks + 1).saturating_mul(SESSIONS) + notifications.saturating_mul(SESSIONS_TO_TELL);
    let login = ChildLogin::for_delivery(database, run, sessions).await?;
    let stage = || display.stage(Stage::Delivering, to_deliver(run, &before), before.ended());
    let bar = (sinks > 0).then(stage);
    let program = Beside {
        program: program(env::var_os("CHANCERY_DELIVERY"), "chancery-delivery"),
        run,
        log_format,
        url: login.url()?,
        // What is signed can wait, and is not signed sooner for having been brought.
        more: &["--senders", "2", "--tell-for", TELL_FOR, "--nice", NICE],
        display,
        failure: CliError::DeliveryProgram,
    };
    let delivering = Delivering { database, run, display, bar, program, away: Mutex::default() };
    let delivered = delivering.keep_one(stop).await;
    if let Some(bar) = &delivering.bar {
        bar.end();
    }
    login.drop().await;
    delivered
}

/// How far a run is, and its sinks and notifications.
struct Seen {
    run: Progress,
    sinks: Vec<SinkProgress>,
    notifications: Vec<NotificationProgress>,
}

impl Seen {
    /// Deliveries that have ended.
    fn ended(&self) -> u64 {
        self.sinks.iter().map(|sink| (sink.delivered + sink.dead).unsigned_abs()).sum()
    }

    /// Whether a sink lacks a batch that is signed, or its manifest.
    fn has_work(&self) -> bool {
        let signed = self.run.batches_signed;
        self.sinks.iter().any(|sink| sink.delivered + sink.dead < signed || sink.manifest_pending)
    }
}

async fn look(database: &Database, run: &Run) -> Result<Seen, CliError> {
    let progress = incoming::progress(database, run).await?;
    if progress.deleted {
        return Err(CliError::BeingDeleted(format!("{}/{}", run.namespace, run.name)));
    }
    let sinks = database.ledger.sinks_progress(&[run.id]).await?;
    let notifications = database.ledger.notifications_progress(&[run.id]).await?;
    Ok(Seen { run: progress, sinks, notifications })
}

/// How many deliveries the run will have; 0 while nobody knows.
fn to_deliver(run: &Run, seen: &Seen) -> u64 {
    let batches = match run.records() {
        _ if seen.run.sealed => seen.run.batches_closed.unsigned_abs(),
        // Which of its batches are closed early, time tells.
        Some(records) if !is_pushed(run) => records.unsigned_abs().div_ceil(run.batch_size.unsigned_abs()),
        _ => 0,
    };
    batches.saturating_mul(u64::try_from(run.sinks.0.len()).unwrap_or(u64::MAX))
}

struct Delivering<'a> {
    database: &'a Database,
    run: &'a Run,
    display: &'a Display,
    /// Of a run with sinks.
    bar: Option<StageBar>,
    program: Beside<'a>,
    /// Of whom it was said that they cannot be reached.
    away: Mutex<HashSet<String>>,
}

impl Delivering<'_> {
    async fn keep_one(&self, stop: &Stop) -> Result<Delivered, CliError> {
        let (mut restarts, mut starts) = (Restarts::none(), 0);
        loop {
            let began = Instant::now();
            let holder = holder_name("delivery", starts);
            starts += 1;
            let look = async || self.look().await.map(drop);
            let (exit, last) = self.program.run_once(&holder, stop, look).await?;
            if exit == Exit::Done
                && let Some(delivered) = self.how_it_ended(stop).await?
            {
                return Ok(delivered);
            }
            if exit != Exit::Done {
                self.give_back(&holder, stop).await?;
            }
            if stop.is_asked() {
                return Ok(Delivered::Stopped);
            }
            if !restarts.may_follow(exit, began.elapsed()) {
                return Err(CliError::DeliveryFailed { last, exit });
            }
            if exit != Exit::Done {
                let count = restarts.count;
                self.display.above_bars(|| {
                    tracing::warn!(restarts = count, "the delivery ended: {last}; starting it again");
                });
            }
            if !restarts.wait(stop).await {
                return Ok(Delivered::Stopped);
            }
        }
    }

    /// What a delivery saw that ended without an error. None if another has to see to it: what it saw is over by now.
    async fn how_it_ended(&self, stop: &Stop) -> Result<Option<Delivered>, CliError> {
        let mut patience = Patience::default();
        loop {
            if let Some(seen) = patience.with(self.look().await)? {
                let complete = seen.run.complete && !seen.has_work();
                match () {
                    () if complete => return Ok(Some(Delivered::All)),
                    () if stop.is_asked() => return Ok(Some(Delivered::Stopped)),
                    () if seen.run.suspended => return Ok(Some(Delivered::Suspended)),
                    () if seen.has_work() || seen.run.is_done() => return Ok(None),
                    // The ring lacks keys. Whoever makes the last one sees that all is delivered.
                    () => {}
                }
            }
            tokio::select! {
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
                () = stop.asked() => return Ok(Some(Delivered::Stopped)),
            }
        }
    }

    /// Gives back what a dead one had in hand, so that it is free at once.
    async fn give_back(&self, holder: &str, stop: &Stop) -> Result<(), CliError> {
        let mut patience = Patience::default();
        loop {
            let holders = [holder.to_owned()];
            let released = self.database.ledger.release_deliveries(self.run, &holders).await;
            if patience.with(released.map_err(CliError::from))?.is_some() || stop.is_asked() {
                return Ok(());
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    /// Looks how far it is, and says who cannot be reached, or can be again.
    async fn look(&self) -> Result<Seen, CliError> {
        let seen = look(self.database, self.run).await?;
        if let Some(bar) = &self.bar {
            bar.at(seen.ended());
        }
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let sinks = seen.sinks.iter().map(|one| (format!("the sink {}", one.name), &one.last_error));
        let told = seen.notifications.iter();
        let told = told.map(|one| (format!("the notification {}", one.name), &one.last_error));
        for (name, last_error) in sinks.chain(told) {
            match last_error {
                Some(why) if away.insert(name.clone()) => self.display.above_bars(|| {
                    tracing::warn!(
                        "{name} cannot be reached, and is waited for, while all else goes on: {why}"
                    );
                }),
                None if away.remove(&name) => self.display.say(&format!("{name} can be reached again")),
                _ => {}
            }
        }
        drop(away);
        Ok(seen)
    }
}
