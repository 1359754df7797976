//! Arrivals, judged and gathered until they are worth a transaction.

use std::time::{Duration, Instant};

use chancery_reading::{Arrival, Dead, Identity, Outcome};
use chancery_sources::judge::{Judge, now};
use chancery_sources::questions::{Considered, Offer, Questions};
use chancery_store::intake::{Admission, DeadArrival, Judgement};

/// Bytes that are gathered: with what sending them takes, a few times as much.
const BYTES: usize = 1 << 20;

/// Arrivals that are gathered.
const ARRIVALS: usize = 10_000;

/// Dead letters that are gathered.
const DEAD: usize = 100;

/// For so long arrivals are judged before what is gathered is admitted: meanwhile nobody renews what is read, nor hears that the intake is to
/// stop.
const JUDGING: Duration = Duration::from_secs(1);

/// Arrivals of one split.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) admission: Admission,
    questions: Questions<'a>,
    /// By which instant all of them are judged.
    at: i64,
    /// When the first of them was.
    began: Instant,
    /// Bytes of what is refused, and how many of those are dead letters.
    refused_bytes: usize,
    dead: usize,
    /// Payloads that there is room for, where what waits has to have its room.
    room: usize,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(mut admission: Admission, questions: Questions<'a>) -> Self {
        admission.judgement = questions.judge.map(Judge::judgement);
        let room = usize::MAX;
        Self { admission, questions, at: 0, began: Instant::now(), refused_bytes: 0, dead: 0, room }
    }

    /// With no more payloads than the run has room for, if others may have to be asked about them: none can be left out once it is known
    /// what those say.
    pub(crate) fn with_room(mut self, room: Option<i64>) -> Self {
        if let (Some(room), true) = (room, self.questions.judge.is_some_and(Judge::asks)) {
            self.room = usize::try_from(room).unwrap_or(0);
        }
        self
    }

    /// Whether it has to be asked again for how many there is room once these are admitted.
    pub(crate) fn is_bounded(&self) -> bool {
        self.room < usize::MAX
    }

    /// What follows behind this one, in the memory that it has.
    pub(crate) fn begin_again(&mut self, position: i64) {
        self.admission.begin_again(position);
        (self.refused_bytes, self.dead) = (0, 0);
    }

    /// Adds an arrival.
    pub(crate) fn add(&mut self, arrival: Arrival) {
        let Arrival { position, next_position, outcome, identity, trace } = arrival;
        // Positions have 63 bits.
        let signed = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
        self.admission.traces.note(signed(position.0), trace);
        match outcome {
            Outcome::Payload(payload) => self.payload(signed(position.0), &payload, identity.as_ref()),
            Outcome::Dead(Dead { stage, reason, raw }) => self.refuse(DeadArrival::at_stage(
                signed(position.0),
                format!("{stage:?}"),
                reason.to_string(),
                raw.to_vec(),
            )),
        }
        self.admission.next = signed(next_position.0);
    }

    /// Adds a payload, if it is admitted; `event` is what an event says of itself.
    pub(crate) fn payload(&mut self, position: i64, payload: &[u8], event: Option<&Identity>) {
        self.note_instant();
        let place = position.to_string();
        if self.questions.waits(payload, &place, self.at) {
            return self.wait(position, payload, event);
        }
        let Offer { identity, said } = match self.questions.consider(payload, &place, self.at, event) {
            Considered::Offered(offer) => offer,
            Considered::Refused(refused) => return self.refuse(refused.at(position, payload.to_vec())),
        };
        if let Some(identity) = identity {
            self.admission.identities.push(&identity);
        }
        let enriched = said.as_ref().and_then(|said| said.payload.as_deref());
        self.admission.payloads.push(enriched.unwrap_or(payload));
        self.admission.positions.push(position);
        if let (Some(judgement), Some(said)) = (&mut self.admission.judgement, said) {
            said.note(judgement, position, self.admission.payloads.len(), payload);
        }
    }

    /// Adds a payload that others have to be asked about. One without a name needs nobody else.
    fn wait(&mut self, position: i64, payload: &[u8], event: Option<&Identity>) {
        match self.questions.name(payload, event) {
            Ok(name) => {
                if let Some(judgement) = &mut self.admission.judgement {
                    judgement.waits(position, payload, name.as_deref());
                }
            }
            Err(refused) => self.refuse(refused.at(position, payload.to_vec())),
        }
    }

    /// Adds what does not become a record.
    pub(crate) fn refuse(&mut self, refused: DeadArrival) {
        self.note_instant();
        self.refused_bytes += refused.raw.len();
        self.dead += usize::from(refused.stage.is_some());
        self.admission.dead.push(refused);
    }

    /// All that is gathered is judged by the instant of the first.
    fn note_instant(&mut self) {
        let Some(judgement) = &mut self.admission.judgement else { return };
        if judgement.starts.is_empty() {
            (self.at, self.began) = (now(), Instant::now());
            judgement.starts_at(self.admission.position, self.at);
        }
    }

    /// Whether it is time to admit them.
    pub(crate) fn is_full(&self) -> bool {
        let Admission { payloads, identities, dead, judgement, .. } = &self.admission;
        let judged = judgement.as_ref().map_or(0, Judgement::bytes);
        let is_late = judgement.as_ref().is_some_and(|judgement| !judgement.starts.is_empty())
            && self.began.elapsed() >= JUDGING;
        payloads.bytes() + identities.bytes() + self.refused_bytes + judged >= BYTES
            || payloads.len() + dead.len() + self.admission.waiting() >= ARRIVALS
            || payloads.len() + self.admission.waiting() >= self.room
            || self.dead >= DEAD
            || is_late
    }
}
