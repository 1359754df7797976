//! One call of the ledger, made of many requests.

use std::collections::HashSet;

use bytes::Bytes;
use chancery_reading::{Dead, Outcome};
use chancery_sources::identity::{self, Identify};
use chancery_store::intake::DeadArrival;
use chancery_store::pushing::{NamedRequest, Push};
use tokio::sync::oneshot;

use crate::model::RecordState;
use crate::problem::Problem;
use crate::room::Room;
use crate::states::Range;

/// Bytes of a call: with what sending them takes, a few times as much.
const BYTES: usize = 4 << 20;

/// Arrivals of a call, and the dead ones among them, which the ledger bounds.
const ARRIVALS: usize = 10_000;
const DEAD: usize = 1_000;

/// Requests of a call.
const REQUESTS: usize = 2_000;

/// An arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A payload, and what names it in a run that knows payloads by an expression.
    Payload(Bytes, Option<Vec<u8>>),
    /// It cannot become a record: which step gave it up, why, and its bytes.
    Dead(String, String, Bytes),
}

/// A request that waits to be taken in.
pub(crate) struct Request {
    pub(crate) items: Vec<Item>,
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
    keys: HashSet<[u8; 32]>,
}

/// What is taken in of what was read: payloads with what names them, or dead letters where nothing does.
pub(crate) fn items(outcomes: Vec<Outcome>, identify: Option<&Identify>) -> Vec<Item> {
    let item = |outcome| match outcome {
        Outcome::Dead(Dead { stage, reason, raw }) => {
            Item::Dead(format!("{stage:?}"), reason.to_string(), raw)
        }
        Outcome::Payload(payload) => match identify.map(|identify| identify.of(&payload)).transpose() {
            Ok(identity) => Item::Payload(payload, identity),
            Err(reason) => Item::Dead(identity::STAGE.to_owned(), reason.to_string(), payload),
        },
    };
    outcomes.into_iter().map(item).collect()
}

/// How many cannot become records.
pub(crate) fn dead(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Dead(..))).count()
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Payload(payload, identity) => payload.len() + identity.as_ref().map_or(0, Vec::len),
            Self::Dead(_, _, raw) => raw.len(),
        }
    }
}

impl Call {
    /// Adds a request; gives it back if it belongs to another call.
    #[must_use]
    pub(crate) fn add(&mut self, request: Request) -> Option<Request> {
        let bytes: usize = request.items.iter().map(Item::bytes).sum();
        let arrivals = usize::try_from(self.push.arrivals).unwrap_or(usize::MAX);
        let too_many = self.requests.len() >= REQUESTS
            || arrivals.saturating_add(request.items.len()) > ARRIVALS
            || self.push.dead.len() + dead(&request.items) > DEAD
            || self.bytes + bytes > BYTES;
        // Of two requests of one name, the second is answered with what became of the first.
        let is_twice = request.name.is_some_and(|name| self.keys.contains(&name.key));
        if !self.requests.is_empty() && (too_many || is_twice) {
            return Some(request);
        }
        self.bytes += bytes;
        self.take(request);
        None
    }

    fn take(&mut self, request: Request) {
        let first = self.push.arrivals;
        for item in &request.items {
            let place = self.push.arrivals;
            self.push.arrivals += 1;
            match item {
                Item::Payload(payload, identity) => {
                    self.push.payloads.push(payload);
                    self.push.places.push(place);
                    if let Some(identity) = identity {
                        self.push.identities.push(identity);
                    }
                }
                Item::Dead(stage, reason, raw) => self.push.dead.push(DeadArrival {
                    position: place,
                    stage: stage.clone(),
                    reason: reason.clone(),
                    raw: raw.to_vec(),
                }),
            }
        }
        let range = Range { place: first, arrivals: self.push.arrivals - first };
        if let Some(RequestName { key, digest }) = request.name {
            self.keys.insert(key);
            self.push.named.push(NamedRequest { key, digest, place: first, arrivals: range.arrivals });
        }
        self.requests.push((request, range));
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
        Request { items, name, answer, room: Room::new(&Arc::new(Semaphore::new(1))) }
    }

    fn payload(text: &'static str) -> Item {
        Item::Payload(Bytes::from_static(text.as_bytes()), None)
    }

    fn not_json() -> Item {
        Item::Dead("Parse".to_owned(), "no".to_owned(), Bytes::from_static(b"{"))
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
    fn a_name_is_once_in_a_call_and_a_call_has_its_bounds() {
        let mut call = Call::default();
        assert!(call.add(request(vec![payload("a")], Some(1))).is_none());
        assert!(call.add(request(vec![payload("a")], Some(1))).is_some(), "the same name");
        assert!(call.add(request(vec![payload("a")], Some(2))).is_none());
        assert!(call.add(request(vec![payload("a"); ARRIVALS], None)).is_some(), "too many arrivals");
        assert!(call.add(request(vec![not_json(); DEAD + 1], None)).is_some(), "too many dead letters");
        let long = Item::Payload(Bytes::from(vec![0; BYTES]), None);
        assert!(call.add(request(vec![long.clone()], None)).is_some(), "too many bytes");
        assert!(
            Call::default().add(request(vec![long.clone(), long], None)).is_none(),
            "one is always taken"
        );
    }
}
