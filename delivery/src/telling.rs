//! Whoever tells of events: takes those that are due for a notification, tells of several at a time, and says what became of them.

mod confirming;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chancery_api::RetryStrategySpec;
use chancery_process::{Backoff, Stop};
use chancery_sinks::{CloudEvent, HttpOfNotification, NotificationDescription, Notifier, TellError, Told};
use chancery_sources::access::{Access, WebhookAccess};
use chancery_sources::asking::Retry;
use chancery_store::delivery::{
    DeliveryRefusal, Event, NotificationTask, NotificationWork, RefusedEvent, TakenEvents, Unreachable,
};
use chancery_store::{DeliverySession, StoreError};
use futures::StreamExt as _;

use crate::delivery::Delivering;
use crate::error::DeliveryError;
use crate::giving_way::GivingWay;
use crate::rest::Resting;
use crate::waiting::{overdue, wait};
use crate::worker::Ended;

/// The longest time before it is asked again what happened.
const WAIT: Duration = Duration::from_secs(2);

/// Events that are on their way to one receiver at the same time.
const IN_FLIGHT: usize = 8;

/// For how long events are this teller's: longer than all that are taken at a time may take.
const HELD: Duration = Duration::from_secs(180);

/// A receiver that was tried in vain is left alone for up to a second at first, then for up to twice as long each time, and never for
/// longer than up to a minute.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// How events are told of.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    pub(crate) access: Access,
    /// The trace that the run belongs to.
    pub(crate) traceparent: Option<String>,
    /// For how long a receiver is waited for that cannot be reached, once the run is complete.
    pub(crate) patience: Duration,
}

/// Tells one notification.
pub(crate) struct Teller {
    pub(crate) delivering: Arc<Delivering>,
    work: NotificationWork,
    described: HttpOfNotification,
    telling: Telling,
    /// Opened when there is something to tell, and anew after it could not be reached: its key may have been mended.
    notifier: Option<Notifier>,
    retry: Retry,
    /// How long the receiver is left alone that cannot be reached.
    away: Backoff,
    resting: Resting,
}

/// How telling of one event ended.
enum Way {
    /// The receiver has it.
    Told,
    /// It does not take it.
    Refused(String),
    /// It cannot be reached, and may want to be left alone for so long.
    Away(String, Option<Duration>),
    /// It was not tried.
    Left,
}

/// What became of events that were sent. Those that are in neither list were not tried, or may not have come.
#[derive(Default)]
struct Sent {
    told: Vec<String>,
    refused: Vec<RefusedEvent>,
    /// Why the receiver cannot be reached, and for how long it is left alone.
    unreachable: Option<(String, Duration)>,
}

/// Events that were taken, and what became of them that the ledger was not told yet.
struct InHand {
    taken: TakenEvents,
    told: Vec<String>,
    refused: Vec<RefusedEvent>,
    left: Vec<String>,
}

pub(crate) async fn run(mut teller: Teller, mut session: DeliverySession) -> Result<Ended, DeliveryError> {
    // What was in hand when the connection broke.
    let mut in_hand = None;
    loop {
        match teller.one_round(&mut session, &mut in_hand).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(notification = teller.work.name, "{error}; connecting again");
                match teller.delivering.connect().await? {
                    Some(again) => session = again,
                    None => return Ok(Ended::WorkLeft),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

impl Teller {
    pub(crate) fn new(
        delivering: Arc<Delivering>,
        work: NotificationWork,
        telling: Telling,
    ) -> Result<Self, DeliveryError> {
        let NotificationDescription::Http(described) = serde_json::from_str(&work.description)
            .map_err(|reason| DeliveryError::OtherVersion { name: work.name.clone(), reason })?;
        let retry = Retry::of(&RetryStrategySpec::default());
        let away = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
        let resting = Resting::default();
        Ok(Self { delivering, work, described, telling, notifier: None, retry, away, resting })
    }

    fn open(&self) -> Result<Notifier, String> {
        let HttpOfNotification { url, signed } = &self.described;
        let access = self.telling.access.notification(&self.work.name);
        let WebhookAccess { secret, authorities } = access.map_err(|error| error.to_string())?;
        let secret = secret.filter(|_| *signed);
        if *signed && secret.is_none() {
            let wanted = self.telling.access.wanted_of_webhooks();
            return Err(format!("requests are to be signed, and there is no key; {wanted}"));
        }
        Notifier::open(url, secret.as_deref(), authorities.as_deref()).map_err(|error| error.to_string())
    }

    /// Takes some and tells of them. None when there may be more.
    async fn one_round(
        &mut self,
        session: &mut DeliverySession,
        in_hand: &mut Option<InHand>,
    ) -> Result<Option<Ended>, DeliveryError> {
        if let Some(before) = in_hand {
            self.say(session, before, None).await?;
            *in_hand = None;
        }
        let stop = self.delivering.stop.clone();
        if stop.is_asked() {
            return Ok(Some(Ended::WorkLeft));
        }
        let most = self.notifier.as_ref().map_or(1, Notifier::at_a_time);
        let most = i32::try_from(most).unwrap_or(1);
        match session.take_events(self.work.notification, most, HELD).await? {
            NotificationTask::Done => {
                let rest = tokio::select! {
                    all = self.delivering.rest.nothing_left(&mut self.resting, WAIT) => all,
                    () = stop.asked() => false,
                };
                Ok(rest.then_some(Ended::Done))
            }
            // What happens meanwhile is to be told, too. Whoever started this ends it if nothing of the run is left to do.
            NotificationTask::Nothing(DeliveryRefusal::Suspended)
                if self.delivering.tells_while_suspended =>
            {
                wait(WAIT, &stop).await;
                Ok(None)
            }
            NotificationTask::Nothing(DeliveryRefusal::Suspended) => {
                // Others may not have seen it, should the run go on by now.
                self.delivering.rest.is_over(&mut self.resting);
                Ok(Some(Ended::WorkLeft))
            }
            NotificationTask::Nothing(DeliveryRefusal::Gone) => Err(DeliveryError::Gone),
            NotificationTask::Wait(pause) => {
                self.delivering.rest.something_left(&mut self.resting);
                wait(pause.min(WAIT), &stop).await;
                Ok(None)
            }
            NotificationTask::Tell(taken) => {
                self.delivering.rest.something_left(&mut self.resting);
                let whats = taken.events.iter().map(|event| &event.what).chain(&taken.batches);
                let left = whats.cloned().collect();
                let mut giving_way = GivingWay::begin(self.delivering.signers_go_first && taken.signing);
                let hand = in_hand.insert(InHand { taken, told: Vec::new(), refused: Vec::new(), left });
                let mut unreachable = self.tell(hand).await?;
                if unreachable.is_none() && !hand.taken.batches.is_empty() {
                    // First, since records may take long.
                    self.settle(session, hand).await?;
                    wait(giving_way.pause(), &stop).await;
                    giving_way = GivingWay::begin(false);
                    unreachable = self.confirm(session, hand).await?;
                }
                self.say(session, hand, unreachable).await?;
                *in_hand = None;
                wait(giving_way.pause(), &stop).await;
                Ok(None)
            }
        }
    }

    /// Tells of the events that were taken, until one of them cannot be told: then it is returned why, and for how long the receiver is
    /// left alone.
    async fn tell(&mut self, hand: &mut InHand) -> Result<Option<(String, Duration)>, DeliveryError> {
        let Sent { told, refused, unreachable } = self.send(&hand.taken.events).await?;
        hand.left.retain(|left| !told.contains(left) && !refused.iter().any(|one| one.what == *left));
        (hand.told, hand.refused) = (told, refused);
        Ok(unreachable)
    }

    /// Sends events, several at a time, until one of them cannot be told.
    async fn send(&mut self, events: &[Event]) -> Result<Sent, DeliveryError> {
        let mut became = Sent::default();
        if events.is_empty() {
            return Ok(became);
        }
        let notifier = match self.notifier.take().map_or_else(|| self.open(), Ok) {
            Ok(notifier) => notifier,
            Err(why) => {
                became.unreachable = Some(self.unreachable(why, None));
                return Ok(became);
            }
        };
        let delivering = Arc::clone(&self.delivering);
        let told = |event: &Event| {
            let told = Told {
                uid: delivering.run.uid,
                namespace: &delivering.run.namespace,
                run: &delivering.run.name,
                // What came in a trace belongs to that, and all else to the run's own.
                traceparent: event.traceparent.as_deref().or(self.telling.traceparent.as_deref()),
            };
            cloud_event(told, event)
        };
        let events = events.iter().map(|event| Ok((event, told(event)?)));
        let events = events.collect::<Result<Vec<_>, StoreError>>()?;
        let is_over = AtomicBool::new(false);
        // Collected, since the compiler does not believe that a closure of a stream may be sent to another thread.
        let ways: Vec<_> = events
            .iter()
            .map(|(event, sent)| tell_one(&delivering.stop, &notifier, event, sent, &is_over))
            .collect();
        let mut ways = futures::stream::iter(ways).buffer_unordered(IN_FLIGHT);
        let mut unreachable = None;
        let mut overdue = std::pin::pin!(overdue(&delivering.stop));
        loop {
            let (Event { what, attempts, .. }, way) = tokio::select! {
                biased;
                way = ways.next() => match way {
                    Some(way) => way,
                    None => break,
                },
                // What is on its way may have come: it is told of once more.
                () = &mut overdue => break,
            };
            match way {
                Way::Told => became.told.push(what.clone()),
                Way::Refused(error) => {
                    tracing::warn!(notification = self.work.name, event = what, "{error}");
                    let refusals = attempts.unsigned_abs() + 1;
                    let pause = self.retry.pause(refusals, rand::random());
                    became.refused.push(RefusedEvent { what: what.clone(), error, pause });
                }
                Way::Away(error, pause) => {
                    unreachable.get_or_insert((error, pause));
                }
                Way::Left => {}
            }
        }
        drop(ways);
        if !became.told.is_empty() || !became.refused.is_empty() {
            self.away.reset();
        }
        match unreachable {
            Some((why, asked)) => became.unreachable = Some(self.unreachable(why, asked)),
            None => self.notifier = Some(notifier),
        }
        Ok(became)
    }

    fn unreachable(&mut self, why: String, asked: Option<Duration>) -> (String, Duration) {
        let pause = self.away.next_pause().max(asked.unwrap_or_default());
        tracing::warn!(notification = self.work.name, seconds = pause.as_secs_f64(), "{why}");
        (why, pause)
    }

    /// Says what became of those that were tried, and gives back the others. What the ledger has answered to is not said again.
    async fn say(
        &self,
        session: &mut DeliverySession,
        hand: &mut InHand,
        unreachable: Option<(String, Duration)>,
    ) -> Result<(), DeliveryError> {
        self.settle(session, hand).await?;
        if !hand.left.is_empty() {
            let patience = self.telling.patience;
            let why =
                unreachable.as_ref().map(|(error, pause)| Unreachable { error, pause: *pause, patience });
            self.given_up(session.give_back_events(&hand.taken, &hand.left, why).await?.1);
            hand.left.clear();
        }
        Ok(())
    }

    /// Says what became of those that were tried.
    async fn settle(&self, session: &mut DeliverySession, hand: &mut InHand) -> Result<(), DeliveryError> {
        if !hand.told.is_empty() {
            session.settle_events(&hand.taken, &hand.told).await?;
            hand.told.clear();
        }
        if !hand.refused.is_empty() {
            self.given_up(session.fail_events(&hand.taken, &hand.refused).await?.1);
            hand.refused.clear();
        }
        Ok(())
    }

    fn given_up(&self, dead: i64) {
        if dead > 0 {
            tracing::error!(notification = self.work.name, events = dead, "given up: they are dead letters");
        }
    }
}

async fn tell_one<'e>(
    stop: &Stop,
    notifier: &Notifier,
    event: &'e Event,
    sent: &CloudEvent,
    is_over: &AtomicBool,
) -> (&'e Event, Way) {
    if is_over.load(Ordering::Relaxed) || stop.is_asked() {
        return (event, Way::Left);
    }
    let way = match notifier.tell(sent).await {
        Ok(()) => Way::Told,
        Err(TellError::Refused(error)) => Way::Refused(error),
        Err(TellError::Unavailable { why, pause }) => {
            is_over.store(true, Ordering::Relaxed);
            Way::Away(why, pause)
        }
    };
    (event, way)
}

fn cloud_event(told: Told<'_>, event: &Event) -> Result<CloudEvent, StoreError> {
    let data = serde_json::from_str(&event.data);
    let data = data.map_err(|error| StoreError::Corrupt(format!("the data of {}: {error}", event.what)))?;
    Ok(CloudEvent::of(told, &event.what, &event.happened_at, data))
}
