//! One delivery: what all its senders share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_api::RetryStrategySpec;
use chancery_keyring::Form;
use chancery_process::{Backoff, Stop, peak_memory_kib};
use chancery_signed::Lines;
use chancery_sinks::PinnedSink;
use chancery_sources::access::Access;
use chancery_sources::asking::Retry;
use chancery_store::delivery::{DeliveryRun, NotificationWork, SinkWork};
use chancery_store::{DeliverySession, LedgerUrl, StoreError};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::error::DeliveryError;
use crate::opening::Opening;
use crate::rest::Rest;
use crate::telling::{self, Teller, Telling};
use crate::worker::{self, Ended, Sender};

/// Pauses between two attempts to connect.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

const MOST_PAUSE: Duration = Duration::from_secs(5);

/// What a delivery is to do.
pub(crate) struct Order {
    pub(crate) ledger: LedgerUrl,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) run_uid: Option<Uuid>,
    pub(crate) holder: String,
    pub(crate) access: Access,
    pub(crate) senders: u16,
    pub(crate) hold: Duration,
    pub(crate) reconnect_for: Duration,
    /// The trace that the run belongs to.
    pub(crate) traceparent: Option<String>,
    /// For how long whoever is to be told, and cannot be reached, is waited for once the run is complete.
    pub(crate) tell_for: Duration,
    pub(crate) ends_when_suspended: bool,
    /// Whether signers of the run want the same processors.
    pub(crate) signers_go_first: bool,
}

/// What the senders share.
pub(crate) struct Delivering {
    ledger: LedgerUrl,
    pub(crate) run: DeliveryRun,
    holder: String,
    reconnect_for: Duration,
    /// For how long batches that were taken are a sender's, unless it prolongs that.
    pub(crate) hold: Duration,
    pub(crate) lines: Lines,
    /// Whether this goes on while the run is suspended, since somebody is told of what happens to it.
    pub(crate) tells_while_suspended: bool,
    /// Whether signers of the run want the same processors.
    pub(crate) signers_go_first: bool,
    pub(crate) rest: Rest,
    pub(crate) stop: Stop,
}

/// Delivers until nothing is left. The first sender that fails asks the others to stop.
pub(crate) async fn deliver(order: Order, stop: Stop) -> Result<Ended, DeliveryError> {
    let began = Instant::now();
    let Order {
        ledger,
        namespace,
        name,
        run_uid,
        holder,
        access,
        senders,
        hold,
        reconnect_for,
        traceparent,
        tell_for,
        ends_when_suspended,
        signers_go_first,
    } = order;
    let target = Target::Name { namespace: &namespace, name: &name };
    let Some(mut first) = target.connect_within(reconnect_for, &ledger, &holder, &stop).await? else {
        return Ok(Ended::WorkLeft);
    };
    let run = first.run().clone();
    if run.deleted || run_uid.is_some_and(|uid| uid != run.uid) {
        return Err(DeliveryError::Gone);
    }
    let form = Form::named(&run.algorithm, &run.envelope, run.content_type.as_deref());
    let form = form.map_err(|error| DeliveryError::Form(error.to_string()))?;
    let (sinks, notifications) = loop {
        match work(&mut first).await {
            Ok(work) => break work,
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
    // Each sender has a connection of its own.
    drop(first);
    let opened = sinks.into_iter().map(|work| {
        let (opening, retry) = opening(&work, &run, &access)?;
        Ok((Arc::new(opening), retry, work))
    });
    let opened = opened.collect::<Result<Vec<_>, DeliveryError>>()?;
    let lines = Lines::of_run(&run.namespace, &run.name, form);
    let tells_while_suspended = !notifications.is_empty() && !ends_when_suspended;
    // Of a sink that takes batches in order, one is on its way at a time.
    let senders_of = |work: &SinkWork| if work.ordered { 1 } else { senders };
    let senders_in_all = opened.iter().map(|(_, _, work)| usize::from(senders_of(work))).sum::<usize>();
    let delivering = Arc::new(Delivering {
        ledger,
        run,
        holder,
        reconnect_for,
        hold,
        lines,
        tells_while_suspended,
        signers_go_first,
        rest: Rest::of(senders_in_all + notifications.len()),
        stop,
    });
    let mut tasks = JoinSet::new();
    for (opening, retry, work) in opened {
        let (senders, work) = (senders_of(&work), Arc::new(work));
        for _ in 0..senders {
            let sender = Sender::new(Arc::clone(&delivering), Arc::clone(&work), Arc::clone(&opening), retry);
            tasks.spawn(async move {
                match sender.delivering.connect().await? {
                    Some(session) => worker::run(sender, session).await,
                    None => Ok(Ended::WorkLeft),
                }
            });
        }
    }
    let telling = Telling { access, traceparent, patience: tell_for };
    for work in notifications {
        let teller = Teller::new(Arc::clone(&delivering), work, telling.clone())?;
        tasks.spawn(async move {
            match teller.delivering.connect().await? {
                Some(session) => telling::run(teller, session).await,
                None => Ok(Ended::WorkLeft),
            }
        });
    }
    let mut outcome = Ok(Ended::Done);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(DeliveryError::Sender).flatten() {
            Ok(Ended::Done) => {}
            Ok(Ended::WorkLeft) => outcome = outcome.and(Ok(Ended::WorkLeft)),
            Err(error) => {
                delivering.stop.now();
                outcome = outcome.and(Err(error));
            }
        }
    }
    tracing::info!(
        seconds = began.elapsed().as_secs_f64(),
        peak_memory_kib = peak_memory_kib("self").unwrap_or_default(),
        "delivery ends"
    );
    outcome
}

/// How a sink is opened that the ledger has, and when what it refused is brought again. What is wrong with it for good is said at once.
fn opening(work: &SinkWork, run: &DeliveryRun, access: &Access) -> Result<(Opening, Retry), DeliveryError> {
    let name = || work.name.clone();
    let pinned = serde_json::from_str::<PinnedSink>(&work.description);
    let PinnedSink { kind, backoff } =
        pinned.map_err(|reason| DeliveryError::OtherVersion { name: name(), reason })?;
    let opening = Opening { name: name(), kind, access: access.clone(), large: Arc::default() };
    if let Err(reason) = opening.open(run)
        && !opening.may_be_mended(&reason)
    {
        return Err(DeliveryError::Sink { name: name(), reason });
    }
    // How often it is, the ledger says.
    Ok((opening, Retry::of(&RetryStrategySpec { backoff, ..RetryStrategySpec::default() })))
}

/// What there is to do for the run.
async fn work(session: &mut DeliverySession) -> Result<(Vec<SinkWork>, Vec<NotificationWork>), StoreError> {
    Ok((session.sinks().await?, session.notifications().await?))
}

impl Delivering {
    /// A connection for the same run; none when the delivery is asked to stop meanwhile.
    pub(crate) async fn connect(&self) -> Result<Option<DeliverySession>, DeliveryError> {
        let target = Target::Run(&self.run);
        let connected =
            target.connect_within(self.reconnect_for, &self.ledger, &self.holder, &self.stop).await;
        connected.map_err(|error| match error {
            // It was there before.
            DeliveryError::Store(StoreError::NoRun(_)) => DeliveryError::Gone,
            other => other,
        })
    }
}

/// What a connection is for.
enum Target<'a> {
    Name { namespace: &'a str, name: &'a str },
    Run(&'a DeliveryRun),
}

impl Target<'_> {
    /// Connects while the database may come back; none when the delivery is asked to stop meanwhile.
    async fn connect_within(
        &self,
        limit: Duration,
        ledger: &LedgerUrl,
        holder: &str,
        stop: &Stop,
    ) -> Result<Option<DeliverySession>, DeliveryError> {
        let began = Instant::now();
        let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        loop {
            let connected = match self {
                Self::Name { namespace, name } => {
                    DeliverySession::connect(ledger, namespace, name, holder).await
                }
                Self::Run(run) => DeliverySession::connect_again(ledger, run, holder).await,
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
