//! Places for connections. Where none is left, the connection that has had no request in hand for the longest time makes room for the
//! next one. Whoever says nothing keeps nobody out, and what is being answered is answered to its end.
//!
//! Nobody has a share of their own: behind an Ingress all clients are one peer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// See the module.
pub(crate) struct Seats {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

/// The connections that have no request in hand: not yet greeted, idle, or with a head that is not yet whole.
#[derive(Default)]
struct Waiting {
    /// A connection wants a place, and none has made room for it yet.
    wanted: bool,
    /// Counts how often one began to wait.
    turns: u64,
    /// How each is told to leave, by the turn at which it began to wait.
    connections: BTreeMap<u64, Arc<Notify>>,
}

/// The place of a connection, for as long as it is open.
pub(crate) struct Seat {
    of: Arc<Seats>,
    leaves: Arc<Notify>,
    state: Mutex<State>,
    _place: Option<OwnedSemaphorePermit>,
}

enum State {
    /// Since this turn. It has made room if it is no longer among those that wait.
    Waits(u64),
    InHand,
    /// The answer is made. Its end may not have been sent yet.
    Answered,
}

/// A request, from its whole head to the end of the answer's body.
pub(crate) struct InHand(Arc<Seat>);

impl Seats {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(places)), waiting: Mutex::default() })
    }

    /// A place for a connection that has come. Only one asks at a time.
    pub(crate) async fn take(self: &Arc<Self>) -> Arc<Seat> {
        let mut place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            self.lock().want();
            // The semaphore is never closed.
            place = Arc::clone(&self.places).acquire_owned().await.ok();
        }
        let leaves = Arc::new(Notify::new());
        let mut waiting = self.lock();
        waiting.wanted = false;
        let state = Mutex::new(State::Waits(waiting.begin(&leaves)));
        Arc::new(Seat { of: Arc::clone(self), leaves, state, _place: place })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The one that has waited for longest makes room, or else the first that has a request in hand no more.
    fn want(&mut self) {
        match self.connections.pop_first() {
            Some((_, leaves)) => leaves.notify_one(),
            None => self.wanted = true,
        }
    }

    /// The turn at which a connection begins to wait.
    fn begin(&mut self, leaves: &Arc<Notify>) -> u64 {
        self.turns += 1;
        if self.wanted {
            self.wanted = false;
            leaves.notify_one();
        } else {
            self.connections.insert(self.turns, Arc::clone(leaves));
        }
        self.turns
    }
}

impl Seat {
    /// Waits until the connection has to make room.
    pub(crate) async fn leaves(&self) {
        self.leaves.notified().await;
    }

    /// The head of a request is whole. None if the connection makes room: then the request must not be begun.
    pub(crate) fn request(self: &Arc<Self>) -> Option<InHand> {
        let mut state = self.lock();
        if let State::Waits(since) = *state {
            self.of.lock().connections.remove(&since)?;
        }
        *state = State::InHand;
        Some(InHand(Arc::clone(self)))
    }

    /// All that was written is sent.
    pub(crate) fn sent(&self) {
        let mut state = self.lock();
        if matches!(*state, State::Answered) {
            *state = State::Waits(self.of.lock().begin(&self.leaves));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        *self.0.lock() = State::Answered;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let State::Waits(since) = *self.lock() {
            self.of.lock().connections.remove(&since);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::{FutureExt as _, poll};

    use super::*;

    fn seat(seats: &Arc<Seats>) -> Arc<Seat> {
        seats.take().now_or_never().expect("a place")
    }

    fn leaves(seat: &Seat) -> bool {
        seat.leaves().now_or_never().is_some()
    }

    fn answer(seat: &Arc<Seat>) {
        drop(seat.request().expect("it has its place"));
        seat.sent();
    }

    #[tokio::test]
    async fn the_connection_that_has_waited_for_longest_makes_room() {
        let seats = Seats::new(3);
        let [first, second, third] = [(); 3].map(|()| seat(&seats));
        answer(&first);
        drop(third);
        let third = seat(&seats);
        assert!(![&first, &second, &third].into_iter().any(|seat| leaves(seat)), "there was room");
        let mut next = pin!(seats.take());
        assert!(poll!(&mut next).is_pending());
        assert!(leaves(&second) && !leaves(&first) && !leaves(&third));
        assert!(second.request().is_none(), "what comes too late is not begun");
        drop(second);
        let next = next.now_or_never().expect("its place");
        assert!(!leaves(&first) && !leaves(&third) && !leaves(&next), "one was enough");
    }

    #[tokio::test]
    async fn a_connection_with_a_request_in_hand_makes_room_only_once_its_answer_is_sent() {
        let seats = Seats::new(2);
        let [first, second] = [(); 2].map(|()| seat(&seats));
        let requests = [&first, &second].map(|seat| seat.request().expect("it has its place"));
        let mut next = pin!(seats.take());
        assert!(poll!(&mut next).is_pending());
        // What an event says is sent while its stream lasts.
        first.sent();
        second.sent();
        assert!(!leaves(&first) && !leaves(&second));
        let [of_first, of_second] = requests;
        drop(of_first);
        assert!(!leaves(&first), "its end is not sent yet");
        first.sent();
        assert!(leaves(&first) && first.request().is_none());
        drop(of_second);
        second.sent();
        assert!(!leaves(&second), "one was enough");
        drop(first);
        assert!(next.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_request_that_comes_before_the_answer_to_the_last_one_is_sent_is_in_hand() {
        let seats = Seats::new(1);
        let only = seat(&seats);
        drop(only.request());
        let _second = only.request().expect("it has its place");
        only.sent();
        let mut next = pin!(seats.take());
        assert!(poll!(&mut next).is_pending());
        assert!(!leaves(&only));
    }

    #[tokio::test]
    async fn nobody_makes_room_for_one_who_has_found_a_place_that_became_free() {
        let seats = Seats::new(2);
        let [first, second] = [(); 2].map(|()| seat(&seats));
        let (of_first, of_second) = (first.request(), second.request());
        let mut next = pin!(seats.take());
        assert!(poll!(&mut next).is_pending());
        drop((of_first, first));
        let next = next.now_or_never().expect("the place");
        drop(of_second);
        second.sent();
        assert!(!leaves(&second) && !leaves(&next));
        drop((second, next));
        assert!(seats.lock().connections.is_empty());
    }
}
