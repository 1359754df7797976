//! One call of the ledger, made of many requests.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chancery_reading::{Dead, Outcome, Trace};
use chancery_sources::judge::{Judge, Refused, Said};
use chancery_sources::questions::{Considered, Offer};
use chancery_store::pushing::{NamedRequest, Push};
use tokio::sync::oneshot;

use crate::fit::Need;
use crate::model::RecordState;
use crate::problem::Problem;
use crate::room::Room;
use crate::runs::PushedRun;
use crate::states::Range;

/// Bytes of a call: with what sending them takes, a few times as much.
const BYTES: usize = 2 << 20;

/// Arrivals of a call, and the dead ones among them, which the ledger bounds.
const ARRIVALS: usize = 5_000;
const DEAD: usize = 1_000;

/// Requests of a call.
const REQUESTS: usize = 2_000;

/// What a policy may say of the payloads of a request and add to them, in bytes, and how long it may take: what it says is known only once
/// it is said.
const SAID: usize = 4 << 20;
const JUDGING: Duration = Duration::from_secs(10);

/// What others may add to a payload, as far as there is room in an answer for the envelope that holds it; and what is usually said of one that is
/// flagged or refused. Both are known only once it is settled. What more is said takes more room then, or is not told (`Told`).
const ADDED: usize = 16 << 10;
const MARK: usize = 1 << 10;

/// An arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A payload, what names it in a run that knows payloads by an expression, and what a policy said of it, if anything.
    Payload(Bytes, Option<Vec<u8>>, Option<Box<Said>>),
    /// A payload that waits for what others say of it, and what names it.
    Waits(Bytes, Option<Vec<u8>>),
    /// It does not become a record.
    Refused(Box<Refused>, Bytes),
}

/// A request that waits to be taken in.
pub(crate) struct Request {
    pub(crate) items: Vec<Item>,
    /// By which instant they were judged, in a run that has a policy.
    pub(crate) judged_at: i64,
    /// In which trace each item came; empty if all came in none.
    pub(crate) traces: Vec<Option<Trace>>,
    /// What its client calls it, and what it sent.
    pub(crate) name: Option<RequestName>,
    pub(crate) answer: oneshot::Sender<Result<Answer, Problem>>,
    /// For as long as its bytes are held.
    pub(crate) room: Room,
}

/// The name of a request, and what was sent, by their SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestName {
    pub(crate) key: [u8; 32],
    pub(crate) digest: [u8; 32],
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) states: Vec<RecordState>,
    /// It was taken in before.
    pub(crate) repeated: bool,
}

/// The requests of a call, and what the ledger is told of them.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) requests: Vec<(Request, Range)>,
    pub(crate) push: Push,
    bytes: usize,
    dead: usize,
    keys: HashSet<[u8; 32]>,
}

/// What is taken in of what was read, as it is judged at an instant: payloads with what names them, or what is refused. Nothing, if the
/// policy takes more than it may.
pub(crate) fn items(outcomes: Vec<Outcome>, target: &PushedRun, at: i64) -> Result<Vec<Item>, Problem> {
    let (began, mut said) = (Instant::now(), 0);
    let mut items = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        let item = item(outcome, target, at);
        said += item.said_bytes();
        if said > SAID {
            return Err(Problem::too_large(
                "what the policy of the run says of these records, and adds to them, is more than 4 MiB; push fewer at a time",
            ));
        }
        if target.judge.is_some() && began.elapsed() > JUDGING {
            return Err(Problem::too_large(
                "the policy of the run takes more than ten seconds for these records; push fewer at a time",
            ));
        }
        items.push(item);
    }
    Ok(items)
}

fn item(outcome: Outcome, target: &PushedRun, at: i64) -> Item {
    let payload = match outcome {
        Outcome::Dead(Dead { stage, reason, raw }) => {
            return Item::refused(Refused::at_stage(format!("{stage:?}"), reason.to_string()), raw);
        }
        Outcome::Payload(payload) => payload,
    };
    // Where it will be, nobody knows before it is taken in.
    let questions = target.questions();
    if questions.waits(&payload, "", at) {
        // One without a name needs nobody else.
        return match questions.name(&payload, None) {
            Ok(name) => Item::Waits(payload, name),
            Err(refused) => Item::refused(refused, payload),
        };
    }
    match questions.consider(&payload, "", at, None) {
        Considered::Offered(Offer { identity, said }) => Item::Payload(payload, identity, said),
        Considered::Refused(refused) => Item::refused(refused, payload),
    }
}

/// How many are dead letters.
pub(crate) fn dead(items: &[Item]) -> usize {
    let is_dead = |item: &&Item| matches!(item, Item::Refused(refused, _) if refused.stage.is_some());
    items.iter().filter(is_dead).count()
}

/// Bytes of the payloads that may be signed, as they are then, at the most.
pub(crate) fn payload_bytes(items: &[Item]) -> usize {
    let bytes_of = |item: &Item| match item {
        Item::Payload(payload, ..) => payload.len() + item.said_bytes(),
        Item::Waits(payload, _) => payload.len() + ADDED,
        Item::Refused(..) => 0,
    };
    items.iter().map(bytes_of).sum()
}

/// Bytes of what may be said of those that wait, in an answer that waits for it.
pub(crate) fn waiting_bytes(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Waits(..))).count() * MARK
}

impl Item {
    fn refused(refused: Refused, raw: Bytes) -> Self {
        Self::Refused(Box::new(refused), raw)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Payload(payload, identity, _) => {
                payload.len() + identity.as_ref().map_or(0, Vec::len) + self.said_bytes()
            }
            Self::Waits(payload, name) => payload.len() + name.as_ref().map_or(0, Vec::len),
            Self::Refused(_, raw) => raw.len() + self.said_bytes(),
        }
    }

    /// Bytes of what a policy said of it, beside the payload that was sent.
    pub(crate) fn said_bytes(&self) -> usize {
        match self {
            Self::Payload(_, _, Some(said)) => said.bytes(),
            Self::Payload(_, _, None) | Self::Waits(..) => 0,
            // Once as it is, and once more on its way to the ledger.
            Self::Refused(refused, _) => 2 * refused.reason.len(),
        }
    }
}

impl Call {
    /// Of a run, which has a policy or none.
    pub(crate) fn of(judge: Option<&Judge>) -> Self {
        let mut call = Self::default();
        call.push.judgement = judge.map(Judge::judgement);
        call
    }

    /// Adds a request; gives it back if it belongs to another call.
    #[must_use]
    pub(crate) fn add(&mut self, request: Request) -> Option<Request> {
        let bytes: usize = request.items.iter().map(Item::bytes).sum();
        let arrivals = usize::try_from(self.push.arrivals).unwrap_or(usize::MAX);
        let too_many = self.requests.len() >= REQUESTS
            || arrivals.saturating_add(request.items.len()) > ARRIVALS
            || self.dead + dead(&request.items) > DEAD
            || self.bytes + bytes > BYTES;
        // Of two requests of one name, the second is answered with what became of the first.
        let is_twice = request.name.is_some_and(|name| self.keys.contains(&name.key));
        if !self.requests.is_empty() && (too_many || is_twice) {
            return Some(request);
        }
        self.bytes += bytes;
        self.dead += dead(&request.items);
        self.take(request);
        None
    }

    fn take(&mut self, request: Request) {
        let first = self.push.arrivals;
        if let Some(judgement) = &mut self.push.judgement {
            judgement.starts_at(first, request.judged_at);
        }
        let mut traces = request.traces.iter().copied();
        for item in &request.items {
            let place = self.push.arrivals;
            self.push.arrivals += 1;
            self.push.traces.note(place, traces.next().flatten());
            match item {
                Item::Payload(payload, identity, said) => {
                    let enriched = said.as_ref().and_then(|said| said.payload.as_deref());
                    self.push.payloads.push(enriched.unwrap_or(payload));
                    self.push.places.push(place);
                    if let Some(identity) = identity {
                        self.push.identities.push(identity);
                    }
                    if let (Some(judgement), Some(said)) = (&mut self.push.judgement, said) {
                        said.note(judgement, place, self.push.payloads.len(), payload);
                    }
                }
                Item::Waits(payload, name) => {
                    if let Some(judgement) = &mut self.push.judgement {
                        judgement.waits(place, payload, name.as_deref());
                    }
                }
                Item::Refused(refused, raw) => {
                    self.push.dead.push(Refused::clone(refused).at(place, raw.to_vec()));
                }
            }
        }
        let range = Range { place: first, arrivals: self.push.arrivals - first };
        if let Some(RequestName { key, digest }) = request.name {
            self.keys.insert(key);
            self.push.named.push(NamedRequest { key, digest, place: first, arrivals: range.arrivals });
        }
        self.requests.push((request, range));
    }

    /// For how many records each of its requests needs room: not for payloads at the places `known`, which repeat a record, and once for those
    /// that are the same in a run that finds duplicates.
    pub(crate) fn needs(&self, known: &[i64], finds_duplicates: bool) -> Vec<Need> {
        let known: HashSet<i64> = known.iter().copied().collect();
        let need = |(request, range): &(Request, Range)| {
            let (mut names, mut payloads, mut waits) = (HashSet::new(), 0, 0);
            for (place, item) in (range.place..).zip(&request.items) {
                match item {
                    Item::Payload(payload, identity, _) if !known.contains(&place) => {
                        payloads += 1;
                        names.insert(identity.as_deref().unwrap_or(payload));
                    }
                    Item::Waits(..) => waits += 1,
                    Item::Payload(..) | Item::Refused(..) => {}
                }
            }
            let payloads = if finds_duplicates { names.len() } else { payloads };
            Need { records: i64::try_from(payloads + waits).unwrap_or(i64::MAX), asks: waits > 0 }
        };
        self.requests.iter().map(need).collect()
    }

    /// What its payloads take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives all its requests back.
    pub(crate) fn take_apart(self) -> Vec<Request> {
        self.requests.into_iter().map(|(request, _)| request).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn request(items: Vec<Item>, key: Option<u8>) -> Request {
        let (answer, _answered) = oneshot::channel();
        let name = key.map(|key| RequestName { key: [key; 32], digest: [0; 32] });
        let room = Room::new(&Arc::new(Semaphore::new(1)));
        Request { items, judged_at: 0, traces: Vec::new(), name, answer, room }
    }

    fn payload(text: &'static str) -> Item {
        Item::Payload(Bytes::from_static(text.as_bytes()), None, None)
    }

    fn not_json() -> Item {
        Item::refused(Refused::at_stage("Parse", "no".to_owned()), Bytes::from_static(b"{"))
    }

    fn rejected() -> Item {
        let refused = Refused { stage: None, rule: Some("positive".to_owned()), reason: "no".to_owned() };
        Item::Refused(Box::new(refused), Bytes::new())
    }

    #[test]
    fn requests_gather_one_behind_the_other() {
        let mut call = Call::default();
        assert!(call.add(request(vec![payload("a"), not_json(), payload("b")], None)).is_none());
        assert!(call.add(request(vec![payload("c")], Some(1))).is_none());
        assert_eq!((call.push.arrivals, &call.push.places[..]), (4, &[0, 2, 3][..]));
        assert_eq!(call.push.dead.iter().map(|dead| dead.position).collect::<Vec<_>>(), [1]);
        assert_eq!((call.push.named[0].place, call.push.named[0].arrivals), (3, 1));
        assert_eq!(call.requests[1].1.place, 3);
    }

    #[test]
    fn a_request_needs_room_for_what_may_become_a_record() {
        let waits = |text: &'static str| Item::Waits(Bytes::from_static(text.as_bytes()), None);
        let mut call = Call::default();
        assert!(call.add(request(vec![not_json(), rejected(), payload("a"), payload("b")], None)).is_none());
        assert!(call.add(request(vec![payload("b"), payload("b"), waits("c"), waits("c")], None)).is_none());
        let needs = |known: &[i64], finds_duplicates| {
            let needs = call.needs(known, finds_duplicates);
            needs.iter().map(|need| (need.records, need.asks)).collect::<Vec<_>>()
        };
        assert_eq!(needs(&[], true), [(2, false), (3, true)]);
        assert_eq!(needs(&[2, 3, 4, 5], true), [(0, false), (2, true)]);
        assert_eq!(needs(&[], false), [(2, false), (4, true)]);
    }

    #[test]
    fn a_name_is_once_in_a_call_and_a_call_has_its_bounds() {
        let mut call = Call::default();
        assert!(call.add(request(vec![payload("a")], Some(1))).is_none());
        assert!(call.add(request(vec![payload("a")], Some(1))).is_some(), "the same name");
        assert!(call.add(request(vec![payload("a")], Some(2))).is_none());
        assert!(call.add(request(vec![payload("a"); ARRIVALS], None)).is_some(), "too many arrivals");
        assert!(call.add(request(vec![not_json(); DEAD + 1], None)).is_some(), "too many dead letters");
        assert!(call.add(request(vec![rejected(); DEAD + 1], None)).is_none(), "any number may be rejected");
        let long = Item::Payload(Bytes::from(vec![0; BYTES]), None, None);
        assert!(call.add(request(vec![long.clone()], None)).is_some(), "too many bytes");
        assert!(
            Call::default().add(request(vec![long.clone(), long], None)).is_none(),
            "one is always taken"
        );
    }
}
