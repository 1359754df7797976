//! One sender: takes batches that are due for a sink, brings them there one after the other, and says what became of them.

use std::sync::Arc;
use std::time::Duration;

use chancery_process::Backoff;
use chancery_sinks::{Batch, PutError, Sink};
use chancery_sources::asking::Retry;
use chancery_store::DeliverySession;
use chancery_store::delivery::{
    Delivery, DeliveryRefusal, DeliveryTask, Digested, Refused, SinkWork, TakenDeliveries, TakenManifest,
};
use tokio::time::Instant;

use crate::content::{self, Content, too_large};
use crate::delivery::Delivering;
use crate::error::DeliveryError;
use crate::manifest::{self, Made};
use crate::opening::Opening;
use crate::rest::Resting;
use crate::waiting::{overdue, wait};

/// The longest time before a sender asks again.
const WAIT: Duration = Duration::from_secs(2);

/// Batches that are taken at a time.
const AT_ONCE: i32 = 16;

/// A sink that was tried in vain is left alone for up to a second at first, then for up to twice as long each time, and never for
/// longer than up to a minute.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Each sink has every batch, or it was given up.
    Done,
    /// Something is left to be delivered, by somebody, later.
    WorkLeft,
}

/// A sender to one sink.
pub(crate) struct Sender {
    pub(crate) delivering: Arc<Delivering>,
    work: Arc<SinkWork>,
    opening: Arc<Opening>,
    /// None until it is opened, and again once it could not be reached.
    sink: Option<Arc<dyn Sink>>,
    /// When a batch is brought again that it refused.
    retry: Retry,
    /// How long the sink is left alone that cannot be reached.
    away: Backoff,
    /// The manifest that was in hand when the connection broke.
    manifest: Option<TakenManifest>,
    resting: Resting,
}

/// Batches that were taken, and what became of them that the ledger was not told yet.
struct InHand {
    taken: TakenDeliveries,
    there: Vec<Digested>,
    refused: Vec<Refused>,
    /// How many of them were tried.
    tried: usize,
}

/// How the way to the sink ended.
enum Way {
    /// It is there.
    There(Digested),
    /// The sink does not take it.
    Refused(String),
    /// The sink cannot be reached; and for how long it wants to be left alone, if it said so.
    Away(String, Option<Duration>),
    /// It is somebody else's by now.
    Lost,
    /// The delivery was asked to stop.
    Stopped,
}

pub(crate) async fn run(mut sender: Sender, mut session: DeliverySession) -> Result<Ended, DeliveryError> {
    // What was in hand when the connection broke.
    let mut in_hand = None;
    loop {
        match sender.one_round(&mut session, &mut in_hand).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(sink = sender.work.name, "{error}; connecting again");
                match sender.delivering.connect().await? {
                    Some(again) => session = again,
                    None => return Ok(Ended::WorkLeft),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

impl Sender {
    pub(crate) fn new(
        delivering: Arc<Delivering>,
        work: Arc<SinkWork>,
        opening: Arc<Opening>,
        retry: Retry,
    ) -> Self {
        Self {
            delivering,
            work,
            opening,
            sink: None,
            retry,
            away: Backoff::new(LEAST_PAUSE, MOST_PAUSE),
            manifest: None,
            resting: Resting::default(),
        }
    }

    /// Takes some and brings them there. None when there may be more.
    async fn one_round(
        &mut self,
        session: &mut DeliverySession,
        in_hand: &mut Option<InHand>,
    ) -> Result<Option<Ended>, DeliveryError> {
        if let Some(before) = in_hand {
            self.give_back(session, before, None).await?;
            *in_hand = None;
        }
        if let Some(before) = &self.manifest {
            session.give_back_manifest(before, None).await?;
            self.manifest = None;
        }
        let (stop, hold) = (self.delivering.stop.clone(), self.delivering.hold);
        if stop.is_asked() {
            return Ok(Some(Ended::WorkLeft));
        }
        match session.take(self.work.sink, AT_ONCE, hold).await? {
            DeliveryTask::Done => {
                let rest = tokio::select! {
                    all = self.delivering.rest.nothing_left(&mut self.resting, WAIT) => all,
                    () = stop.asked() => false,
                };
                Ok(rest.then_some(Ended::Done))
            }
            // Others of this process go on telling, and nobody would start this sender anew.
            DeliveryTask::Nothing(DeliveryRefusal::Suspended) if self.delivering.tells_while_suspended => {
                wait(WAIT, &stop).await;
                Ok(None)
            }
            DeliveryTask::Nothing(DeliveryRefusal::Suspended) => Ok(Some(Ended::WorkLeft)),
            DeliveryTask::Nothing(DeliveryRefusal::Gone) => Err(DeliveryError::Gone),
            DeliveryTask::Wait(pause) => {
                self.delivering.rest.something_left(&mut self.resting);
                wait(pause.min(WAIT), &stop).await;
                Ok(None)
            }
            DeliveryTask::Manifest(taken) => {
                self.delivering.rest.something_left(&mut self.resting);
                let brought = self.bring_manifest(session, &taken).await;
                self.manifest = brought.is_err().then_some(taken);
                brought.map(|()| None)
            }
            DeliveryTask::Deliver(taken) => {
                self.delivering.rest.something_left(&mut self.resting);
                let (there, refused) = (Vec::new(), Vec::new());
                let taken = in_hand.insert(InHand { taken, there, refused, tried: 0 });
                self.bring(session, taken).await?;
                *in_hand = None;
                Ok(None)
            }
        }
    }

    /// Brings what was taken there, and tells what became of it.
    async fn bring(&mut self, session: &mut DeliverySession, hand: &mut InHand) -> Result<(), DeliveryError> {
        let hold = self.delivering.hold;
        let mut renew_at = Instant::now() + hold / 3;
        while let Some(one) = hand.taken.batches.get(hand.tried).cloned() {
            if self.delivering.stop.is_asked() {
                return self.give_back(session, hand, None).await;
            }
            if Instant::now() >= renew_at {
                self.tell(session, hand).await?;
                session.renew(&hand.taken, &hand.left(), hold).await?;
                renew_at = Instant::now() + hold / 3;
            }
            match self.bring_one(session, hand, &one).await? {
                Way::There(there) => {
                    self.away.reset();
                    hand.there.push(there);
                }
                Way::Refused(error) => {
                    tracing::warn!(sink = self.work.name, batch = one.batch, "{error}");
                    self.away.reset();
                    let refusals = one.attempts.unsigned_abs() + 1;
                    let pause = self.retry.pause(refusals, rand::random());
                    hand.refused.push(Refused { batch: one.batch, error, pause });
                }
                Way::Lost => tracing::debug!(batch = one.batch, "it is somebody else's by now"),
                Way::Stopped => return self.give_back(session, hand, None).await,
                Way::Away(error, asked) => {
                    // Whoever has mended what the sink is asked with tells nobody.
                    self.sink = None;
                    let pause = self.away.next_pause().max(asked.unwrap_or_default());
                    tracing::warn!(sink = self.work.name, seconds = pause.as_secs_f64(), "{error}");
                    return self.give_back(session, hand, Some((&error, pause))).await;
                }
            }
            hand.tried += 1;
        }
        self.tell(session, hand).await
    }

    /// Brings one there, and keeps what is left meanwhile.
    async fn bring_one(
        &mut self,
        session: &mut DeliverySession,
        hand: &InHand,
        one: &Delivery,
    ) -> Result<Way, DeliveryError> {
        let sink = match self.opened()? {
            Ok(sink) => sink,
            Err(why) => return Ok(Way::Away(why, None)),
        };
        let read = content::read(session, &self.delivering, &hand.taken, one).await?;
        // Kept until it is there.
        let (number, lines, digest, _large) = match read {
            Content::Whole { lines, digest, large } => (one.batch, lines.into(), digest, large),
            Content::Lost => return Ok(Way::Lost),
            Content::TooLarge => return Ok(Way::Refused(too_large())),
            Content::Unwritable(why) => return Ok(Way::Refused(why)),
        };
        let batch = Batch { number, lines, digest };
        let mut put = std::pin::pin!(sink.put(&batch));
        let mut overdue = std::pin::pin!(overdue(&self.delivering.stop));
        let hold = self.delivering.hold;
        let done = loop {
            tokio::select! {
                biased;
                done = &mut put => break done,
                () = &mut overdue => return Ok(Way::Stopped),
                () = tokio::time::sleep(hold / 3) => {
                    session.renew(&hand.taken, &hand.left(), hold).await?;
                }
            }
        };
        Ok(match done {
            Ok(object) => Way::There(Digested { batch: one.batch, object, digest }),
            Err(PutError::Refused(error)) => Way::Refused(error),
            Err(PutError::Unavailable { why, pause }) => Way::Away(why, pause),
        })
    }

    /// Brings the manifest there, and tells what became of it.
    async fn bring_manifest(
        &mut self,
        session: &mut DeliverySession,
        taken: &TakenManifest,
    ) -> Result<(), DeliveryError> {
        let put = match (
            self.opened()?,
            manifest::make(session, &self.delivering, taken, &self.work.name).await?,
        ) {
            (_, Made::Lost) => return Ok(()),
            (Err(why), _) => Err(PutError::away(why)),
            (_, Made::TooLarge) => Err(PutError::Refused(manifest::too_large())),
            (Ok(sink), Made::Whole(made)) => {
                tokio::select! {
                    biased;
                    put = sink.put_manifest(&made) => put.map(|object| (object, made.digest)),
                    () = overdue(&self.delivering.stop) => {
                        session.give_back_manifest(taken, None).await?;
                        return Ok(());
                    }
                }
            }
        };
        match put {
            Ok((object, digest)) => {
                self.away.reset();
                session.settle_manifest(taken, &object, &digest).await?;
            }
            Err(PutError::Refused(error)) => {
                tracing::warn!(sink = self.work.name, manifest = taken.number, "{error}");
                self.away.reset();
                let pause = self.retry.pause(taken.attempts.unsigned_abs() + 1, rand::random());
                if session.fail_manifest(taken, &error, pause).await? == Some(true) {
                    tracing::error!(sink = self.work.name, "the manifest is given up");
                }
            }
            Err(PutError::Unavailable { why, pause: asked }) => {
                // Whoever has mended what the sink is asked with tells nobody.
                self.sink = None;
                let pause = self.away.next_pause().max(asked.unwrap_or_default());
                tracing::warn!(sink = self.work.name, seconds = pause.as_secs_f64(), "{why}");
                session.give_back_manifest(taken, Some((&why, pause))).await?;
            }
        }
        Ok(())
    }

    /// The sink; or why it cannot be opened until somebody mends that.
    fn opened(&mut self) -> Result<Result<Arc<dyn Sink>, String>, DeliveryError> {
        if let Some(sink) = &self.sink {
            return Ok(Ok(Arc::clone(sink)));
        }
        match self.opening.open(&self.delivering.run) {
            Ok(sink) => Ok(Ok(Arc::clone(self.sink.insert(sink)))),
            Err(reason) if self.opening.may_be_mended(&reason) => Ok(Err(reason.to_string())),
            Err(reason) => Err(DeliveryError::Sink { name: self.work.name.clone(), reason }),
        }
    }

    /// Tells what became of those that were tried, and gives back the others; with an error, because the sink cannot be reached.
    async fn give_back(
        &self,
        session: &mut DeliverySession,
        hand: &mut InHand,
        unavailable: Option<(&str, Duration)>,
    ) -> Result<(), DeliveryError> {
        self.tell(session, hand).await?;
        session.give_back(&hand.taken, &hand.left(), unavailable).await?;
        Ok(())
    }

    async fn tell(&self, session: &mut DeliverySession, hand: &mut InHand) -> Result<(), DeliveryError> {
        // Kept until the ledger has answered: it may be told once more.
        if !hand.there.is_empty() {
            session.settle(&hand.taken, &hand.there).await?;
            hand.there.clear();
        }
        if !hand.refused.is_empty() {
            let (_, dead) = session.fail(&hand.taken, &hand.refused).await?;
            hand.refused.clear();
            if dead > 0 {
                tracing::error!(sink = self.work.name, batches = dead, "given up: they are dead letters");
            }
        }
        Ok(())
    }
}

impl InHand {
    /// Those that were not tried.
    fn left(&self) -> Vec<i64> {
        self.taken.batches[self.tried.min(self.taken.batches.len())..].iter().map(|one| one.batch).collect()
    }
}
