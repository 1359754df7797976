//! One intake: what all its readers share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_process::{Backoff, Stop, peak_memory_kib};
use chancery_sources::access::Access;
use chancery_sources::asking::Asking;
use chancery_sources::identity::Identify;
use chancery_sources::judge::Judge;
use chancery_sources::questions::Questions;
use chancery_store::intake::{Held, IntakeRun};
use chancery_store::{IntakeSession, LedgerUrl, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::error::IntakeError;
use crate::waiting;
use crate::worker::{self, Ended};

/// Pauses between two attempts to connect.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

const MOST_PAUSE: Duration = Duration::from_secs(5);

/// Of these, one settles while others are asked for the next.
const JUDGES: u16 = 2;

/// What an intake is to do.
pub(crate) struct Order {
    pub(crate) ledger: LedgerUrl,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) run_uid: Option<Uuid>,
    pub(crate) holder: String,
    pub(crate) access: Access,
    pub(crate) readers: u16,
    pub(crate) reconnect_for: Duration,
}

/// What the readers share.
pub(crate) struct Intake {
    ledger: LedgerUrl,
    run: IntakeRun,
    holder: String,
    reconnect_for: Duration,
    pub(crate) access: Access,
    /// What names payloads, if the run does not know them by their content.
    identify: Option<Identify>,
    /// What judges them, if anything does.
    pub(crate) judge: Option<Judge>,
    /// Who is asked about them before, if anybody is.
    pub(crate) asking: Option<Asking>,
    pub(crate) stop: Stop,
    /// Changes when there may be something to do for those that wait.
    pub(crate) progress: watch::Sender<()>,
}

/// Reads until nothing is left. The first reader that fails asks the others to stop.
pub(crate) async fn take_in(order: Order, stop: Stop) -> Result<Ended, IntakeError> {
    let began = Instant::now();
    let Order { ledger, namespace, name, run_uid, holder, access, readers, reconnect_for } = order;
    let target = Target::Name { namespace: &namespace, name: &name };
    let Some(mut first) = target.connect_within(reconnect_for, &ledger, &holder, &stop).await? else {
        return Ok(Ended::WorkLeft);
    };
    let run = first.run().clone();
    if run.deleted || run_uid.is_some_and(|uid| uid != run.uid) {
        return Err(IntakeError::Gone);
    }
    let identify = run.expression.as_deref().map(Identify::by).transpose();
    let identify = identify.map_err(|reason| IntakeError::Expression { reason })?;
    let policy = loop {
        match first.policy().await {
            Ok(policy) => break policy,
            Err(error) if error.is_transient() => {
                tracing::warn!("{error}; connecting again");
                match target.connect_within(reconnect_for, &ledger, &holder, &stop).await? {
                    Some(again) => first = again,
                    None => return Ok(Ended::WorkLeft),
                }
            }
            Err(error) => return Err(error.into()),
        }
    };
    let judge = policy.as_ref().map(Judge::by).transpose().map_err(IntakeError::Policy)?;
    let asking = match &judge {
        Some(judge) => Asking::of(run.uid, judge.text(), &access)?,
        None => None,
    };
    if let Some(asking) = &asking {
        asking.look().await?;
    }
    let intake = Arc::new(Intake {
        ledger,
        run,
        holder,
        reconnect_for,
        access,
        identify,
        judge,
        asking,
        stop,
        progress: watch::Sender::new(()),
    });
    let mut tasks = JoinSet::new();
    // What is pushed is read by nobody, and only judged here.
    let readers = if intake.run.pushed && intake.asking.is_some() { 0 } else { readers };
    if readers == 0 {
        drop(first);
    } else {
        tasks.spawn(worker::run(Arc::clone(&intake), first));
    }
    for _ in 1..readers {
        let intake = Arc::clone(&intake);
        tasks.spawn(async move {
            match intake.connect().await? {
                Some(session) => worker::run(intake, session).await,
                None => Ok(Ended::WorkLeft),
            }
        });
    }
    let judges = if intake.asking.is_some() { JUDGES } else { 0 };
    for _ in 0..judges {
        let intake = Arc::clone(&intake);
        tasks.spawn(async move {
            match intake.connect().await? {
                Some(session) => waiting::run(intake, session).await,
                None => Ok(Ended::WorkLeft),
            }
        });
    }
    let mut outcome = Ok(Ended::WorkLeft);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(IntakeError::Reader).flatten() {
            // If one reader has seen that the run is sealed, it is, whatever made the others end.
            Ok(Ended::Sealed) => outcome = outcome.and(Ok(Ended::Sealed)),
            Ok(Ended::WorkLeft) => {}
            Err(error) => {
                intake.stop.now();
                outcome = outcome.and(Err(error));
            }
        }
    }
    tracing::info!(
        seconds = began.elapsed().as_secs_f64(),
        peak_memory_kib = peak_memory_kib("self").unwrap_or_default(),
        "intake ends"
    );
    outcome
}

impl Intake {
    /// What is asked of each payload of a source.
    pub(crate) fn questions<'a>(&'a self, held: &'a Held) -> Questions<'a> {
        Questions { identify: self.identify.as_ref(), judge: self.judge.as_ref(), source: &held.name }
    }

    /// A connection for the same run; none when the intake is asked to stop meanwhile.
    pub(crate) async fn connect(&self) -> Result<Option<IntakeSession>, IntakeError> {
        let target = Target::Run(&self.run);
        let connected =
            target.connect_within(self.reconnect_for, &self.ledger, &self.holder, &self.stop).await;
        connected.map_err(|error| match error {
            // It was there before: it was deleted, and its login with it.
            IntakeError::Store(StoreError::NoRun(_) | StoreError::LoginRefused(_)) => IntakeError::Gone,
            other => other,
        })
    }
}

/// What a connection is for.
enum Target<'a> {
    Name { namespace: &'a str, name: &'a str },
    Run(&'a IntakeRun),
}

impl Target<'_> {
    /// Connects while the database may come back; none when the intake is asked to stop meanwhile.
    async fn connect_within(
        &self,
        limit: Duration,
        ledger: &LedgerUrl,
        holder: &str,
        stop: &Stop,
    ) -> Result<Option<IntakeSession>, IntakeError> {
        let began = Instant::now();
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        loop {
            let connected = match self {
                Self::Name { namespace, name } => {
                    IntakeSession::connect(ledger, namespace, name, holder).await
                }
                Self::Run(run) => IntakeSession::connect_again(ledger, run, holder).await,
            };
            match connected {
                Ok(session) => return Ok(Some(session)),
                Err(error) if error.is_transient() && began.elapsed() < limit => {
                    tracing::warn!("{error}; trying again");
                }
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = tokio::time::sleep(pause.next_pause()) => {}
                () = stop.asked() => return Ok(None),
            }
        }
    }
}
