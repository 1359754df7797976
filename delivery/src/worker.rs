//! One sender: takes batches that are due for a sink, brings them there, some at the same time, and says what became of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chancery_process::Backoff;
use chancery_sinks::{Batch, Manifest, PutError, Sink};
use chancery_sources::asking::Retry;
use chancery_store::DeliverySession;
use chancery_store::delivery::{
    DeliveryRefusal, DeliveryTask, Digested, Refused, SinkWork, TakenDeliveries, TakenManifest,
};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::content::{Content, Reader, too_large};
use crate::delivery::Delivering;
use crate::error::DeliveryError;
use crate::giving_way::GivingWay;
use crate::manifest::{self, Made};
use crate::opening::Opening;
use crate::rest::Resting;
use crate::waiting::{overdue, wait};

/// The longest time before a sender asks again.
const WAIT: Duration = Duration::from_secs(2);

/// Batches that are taken at a time.
const AT_ONCE: i32 = 16;

/// Bytes that may be on their way at the same time. One batch alone may have more.
const BYTES_ON_THEIR_WAY: usize = 2 << 20;

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
    /// Batches with which the sink could not be reached.
    kept_with: BTreeSet<i64>,
    /// The manifest that was in hand when the connection broke.
    manifest: Option<TakenManifest>,
    resting: Resting,
}

/// Batches that were taken, and what became of them that the ledger was not told yet.
struct InHand {
    taken: TakenDeliveries,
    there: Vec<Digested>,
    refused: Vec<Refused>,
    /// Those of which nothing is known yet.
    left: Vec<i64>,
}

/// Batches that are on their way to the sink.
#[derive(Default)]
struct OnTheirWay {
    puts: JoinSet<Brought>,
    /// How many the sink takes.
    at_a_time: usize,
    bytes: usize,
}

/// How the way of a batch to the sink ended.
struct Brought {
    /// Where it is among those that were taken.
    place: usize,
    bytes: usize,
    digest: [u8; 32],
    put: Result<String, PutError>,
}

/// Whether a batch is on its way.
enum Begun {
    /// It is, or it was seen that it does not come.
    Yes,
    /// Another one has to come first.
    Later,
    /// The sink cannot be opened, for this reason.
    Away(String),
}

/// Why the sink cannot be reached; and for how long it wants to be left alone, if it said so.
type Away = (String, Option<Duration>);

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
            kept_with: BTreeSet::new(),
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
            DeliveryTask::Nothing(DeliveryRefusal::Suspended) => {
                // Others may not have seen it, should the run go on by now.
                self.delivering.rest.is_over(&mut self.resting);
                Ok(Some(Ended::WorkLeft))
            }
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
                let left = taken.batches.iter().map(|one| one.batch).collect();
                let (there, refused) = (Vec::new(), Vec::new());
                let giving_way = GivingWay::begin(self.delivering.signers_go_first && taken.signing);
                let hand = in_hand.insert(InHand { taken, there, refused, left });
                self.bring(session, hand).await?;
                *in_hand = None;
                wait(giving_way.pause(), &stop).await;
                Ok(None)
            }
        }
    }

    /// Brings what was taken there, and tells what became of it. Gives back what is left, should the sink be away or this be asked to stop.
    async fn bring(&mut self, session: &mut DeliverySession, hand: &mut InHand) -> Result<(), DeliveryError> {
        let (hold, stop) = (self.delivering.hold, self.delivering.stop.clone());
        let mut renew_at = Instant::now() + hold / 3;
        let mut overdue = std::pin::pin!(overdue(&stop));
        let (mut on_their_way, mut reader) = (OnTheirWay::default(), Reader::default());
        let mut places = self.places(&hand.taken);
        let mut away: Option<Away> = None;
        loop {
            while away.is_none()
                && on_their_way.have_room(reader.expected())
                && !stop.is_asked()
                && Instant::now() < renew_at
            {
                let Some(place) = places.pop_front() else { break };
                match self.begin(session, hand, (&mut reader, renew_at), &mut on_their_way, place).await? {
                    Begun::Yes => {}
                    Begun::Later => places.push_front(place),
                    Begun::Away(why) => away = Some((why, None)),
                }
            }
            tokio::select! {
                biased;
                brought = on_their_way.next() => match brought? {
                    Some(brought) => away = self.note(hand, brought).or(away),
                    None if away.is_some() || stop.is_asked() || places.is_empty() => break,
                    None => {}
                },
                // What is on its way may come: it is brought once more.
                () = &mut overdue => break,
                () = tokio::time::sleep_until(renew_at) => {}
            }
            if Instant::now() >= renew_at {
                self.tell(session, hand).await?;
                session.renew(&hand.taken, &hand.left, hold).await?;
                renew_at = Instant::now() + hold / 3;
            }
        }
        drop(on_their_way);
        let Some((why, asked)) = away else { return self.give_back(session, hand, None).await };
        // Whoever has mended what the sink is asked with tells nobody.
        self.sink = None;
        let pause = self.away.next_pause().max(asked.unwrap_or_default());
        tracing::warn!(sink = self.work.name, seconds = pause.as_secs_f64(), "{why}");
        self.give_back(session, hand, Some((&why, pause))).await
    }

    /// In which order those that were taken are brought there: in theirs, but those with which the sink could not be reached come last, so
    /// that they keep no other. (Of a sink that takes them in order, one is taken.)
    fn places(&self, taken: &TakenDeliveries) -> VecDeque<usize> {
        let is_kept =
            |place: &usize| taken.batches.get(*place).is_some_and(|one| self.kept_with.contains(&one.batch));
        let (last, first): (Vec<usize>, Vec<usize>) = (0..taken.batches.len()).partition(is_kept);
        first.into_iter().chain(last).collect()
    }

    /// Sends the one at this place on its way, if it has its turn before `until`.
    async fn begin(
        &mut self,
        session: &mut DeliverySession,
        hand: &mut InHand,
        (reader, until): (&mut Reader, Instant),
        on_their_way: &mut OnTheirWay,
        place: usize,
    ) -> Result<Begun, DeliveryError> {
        let sink = match self.opened()? {
            Ok(sink) => sink,
            Err(why) => return Ok(Begun::Away(why)),
        };
        let Some(number) = hand.taken.batches.get(place).map(|one| one.batch) else { return Ok(Begun::Yes) };
        let lines = &self.delivering.lines;
        match reader.read(session, lines, (&self.opening.large, until), &hand.taken, place).await? {
            Content::Whole { lines, digest, large } => {
                on_their_way.begin(place, sink, Batch { number, lines: lines.into(), digest }, large);
            }
            Content::Lost => {
                tracing::debug!(batch = number, "it is somebody else's by now");
                hand.left.retain(|left| *left != number);
            }
            Content::Later => return Ok(Begun::Later),
            Content::TooLarge => self.refused(hand, place, too_large()),
            Content::Unwritable(why) => self.refused(hand, place, why),
        }
        Ok(Begun::Yes)
    }

    /// Notes what became of one. Returns why the sink cannot be reached.
    fn note(&mut self, hand: &mut InHand, brought: Brought) -> Option<Away> {
        let Brought { place, digest, put, .. } = brought;
        match put {
            Ok(object) => {
                self.away.reset();
                let batch = hand.taken.batches.get(place)?.batch;
                self.kept_with.remove(&batch);
                hand.left.retain(|left| *left != batch);
                hand.there.push(Digested { batch, object, digest });
                None
            }
            Err(PutError::Refused(error)) => {
                self.refused(hand, place, error);
                None
            }
            Err(PutError::Unavailable { why, pause }) => {
                self.kept_with.extend(hand.taken.batches.get(place).map(|one| one.batch));
                Some((why, pause))
            }
        }
    }

    fn refused(&mut self, hand: &mut InHand, place: usize, error: String) {
        let Some(one) = hand.taken.batches.get(place) else { return };
        let batch = one.batch;
        tracing::warn!(sink = self.work.name, batch, "{error}");
        self.away.reset();
        self.kept_with.remove(&batch);
        let pause = self.retry.pause(one.attempts.unsigned_abs() + 1, rand::random());
        hand.left.retain(|left| *left != batch);
        hand.refused.push(Refused { batch, error, pause });
    }

    /// Brings the manifest there, and tells what became of it.
    async fn bring_manifest(
        &mut self,
        session: &mut DeliverySession,
        taken: &TakenManifest,
    ) -> Result<(), DeliveryError> {
        let sink = self.opened()?;
        let made = manifest::make(session, &self.delivering, taken, &self.work.name).await?;
        let put = match (sink, made) {
            (_, Made::Lost) => return Ok(()),
            (Err(why), _) => Err(PutError::away(why)),
            (_, Made::TooLarge) => Err(PutError::Refused(manifest::too_large())),
            (Ok(sink), Made::Whole(made)) => match self.put_manifest(session, taken, &*sink, &made).await? {
                Some(put) => put.map(|object| (object, made.digest)),
                None => return Ok(()),
            },
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

    /// Brings it there, and keeps it for as long as that takes. None when it is somebody else's by now, or was given back since this is asked
    /// to stop.
    async fn put_manifest(
        &self,
        session: &mut DeliverySession,
        taken: &TakenManifest,
        sink: &dyn Sink,
        made: &Manifest,
    ) -> Result<Option<Result<String, PutError>>, DeliveryError> {
        let Delivering { hold, stop, .. } = &*self.delivering;
        let mut put = std::pin::pin!(sink.put_manifest(made));
        let mut overdue = std::pin::pin!(overdue(stop));
        // It was made meanwhile.
        let mut renew_at = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(renew_at) => {}
                put = &mut put => return Ok(Some(put)),
                () = &mut overdue => {
                    session.give_back_manifest(taken, None).await?;
                    return Ok(None);
                }
            }
            if !session.renew_manifest(taken, *hold).await? {
                return Ok(None);
            }
            renew_at = Instant::now() + *hold / 3;
        }
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

    /// Tells what became of those that were tried, and gives back the others, if any; with an error, because the sink cannot be reached.
    async fn give_back(
        &self,
        session: &mut DeliverySession,
        hand: &mut InHand,
        unavailable: Option<(&str, Duration)>,
    ) -> Result<(), DeliveryError> {
        self.tell(session, hand).await?;
        if !hand.left.is_empty() {
            session.give_back(&hand.taken, &hand.left, unavailable).await?;
            hand.left.clear();
        }
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

impl OnTheirWay {
    /// For a batch of about so many bytes.
    fn have_room(&self, bytes: usize) -> bool {
        self.puts.is_empty()
            || self.puts.len() < self.at_a_time && self.bytes.saturating_add(bytes) <= BYTES_ON_THEIR_WAY
    }

    /// `large` is held until it is there.
    fn begin(&mut self, place: usize, sink: Arc<dyn Sink>, batch: Batch, large: Option<OwnedMutexGuard<()>>) {
        let bytes = batch.lines.len();
        self.bytes += bytes;
        self.at_a_time = sink.at_a_time();
        self.puts.spawn(async move {
            let (_large, digest) = (large, batch.digest);
            Brought { place, bytes, digest, put: sink.put(&batch).await }
        });
    }

    /// The next one that has come; none if none is on its way.
    async fn next(&mut self) -> Result<Option<Brought>, DeliveryError> {
        let brought = self.puts.join_next().await.transpose().map_err(DeliveryError::Sender)?;
        self.bytes -= brought.as_ref().map_or(0, |brought| brought.bytes);
        Ok(brought)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_begins_its_way_alone_or_where_there_is_room_for_it() {
        let mut on_their_way = OnTheirWay { at_a_time: 3, ..OnTheirWay::default() };
        let mut room_beside = |bytes: &[usize]| {
            on_their_way.puts.abort_all();
            on_their_way.puts = JoinSet::new();
            on_their_way.bytes = bytes.iter().sum();
            for _ in bytes {
                on_their_way.puts.spawn(std::future::pending());
            }
            [0, BYTES_ON_THEIR_WAY / 2, BYTES_ON_THEIR_WAY, usize::MAX]
                .map(|more| on_their_way.have_room(more))
        };
        assert_eq!(room_beside(&[]), [true; 4], "one alone, however large it is");
        assert_eq!(room_beside(&[BYTES_ON_THEIR_WAY / 2]), [true, true, false, false]);
        assert_eq!(room_beside(&[1, BYTES_ON_THEIR_WAY / 2]), [true, false, false, false]);
        assert_eq!(room_beside(&[2 * BYTES_ON_THEIR_WAY]), [false; 4]);
        assert_eq!(room_beside(&[0, 0, 0]), [false; 4], "no more than the sink takes");
    }
}
