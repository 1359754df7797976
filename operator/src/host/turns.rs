//! Turns among namespaces: so many works at a time, and no namespace waits behind the queue of another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A lane in which so many works run at the same time. A turn that becomes free goes to the namespace that has the
/// fewest, and among those to the one that has waited longest.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<Lane>>);

struct Lane {
    free: usize,
    /// Turns that each namespace has.
    taken: HashMap<String, usize>,
    /// In the order in which they came.
    waiting: Vec<(String, oneshot::Sender<Turn>)>,
}

/// A turn; dropped, it goes to the next.
pub(crate) struct Turn {
    lane: Turns,
    namespace: String,
}

/// The turn of a work that others may have in between. Clones are the same one.
#[derive(Clone)]
pub(crate) struct SharedTurn {
    lane: Turns,
    held: Arc<tokio::sync::Mutex<Option<Turn>>>,
}

impl SharedTurn {
    pub(crate) fn new(turn: Turn) -> Self {
        Self { lane: turn.lane.clone(), held: Arc::new(tokio::sync::Mutex::new(Some(turn))) }
    }

    /// How many of `all` this work may have, if each work of the lane has as many: one at least.
    pub(crate) fn share(&self, all: usize) -> usize {
        (all / self.lane.at_work().max(1)).max(1)
    }

    /// Gives the turn to a namespace that waits and has fewer, and then waits for another one. Otherwise it returns at once.
    /// Whoever works for hours calls it at every step: else a namespace could keep all turns for as long.
    pub(crate) async fn offer(&self) {
        let mut held = self.held.lock().await;
        let Some((waiting, own)) = held.as_mut().and_then(Turn::hand_over) else { return };
        if let Some(turn) = held.take() {
            // From a wait that was given up, it comes back, and goes to the next.
            drop(waiting.send(turn));
            *held = Some(self.lane.take(&own).await);
        }
    }
}

impl Turn {
    /// Becomes the turn of a namespace that waits and has fewer: who waits there, and whose it was. None if nobody does.
    fn hand_over(&mut self) -> Option<(oneshot::Sender<Self>, String)> {
        let (waiting, namespace) = self.lane.lock().hand_over(&self.namespace)?;
        Some((waiting, std::mem::replace(&mut self.namespace, namespace)))
    }
}

impl Turns {
    /// A lane of so many turns at a time.
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Lane { free: at_once, taken: HashMap::new(), waiting: Vec::new() })))
    }

    /// Waits for a turn. None is taken, or kept from others, by a wait that is given up.
    pub(crate) async fn take(&self, namespace: &str) -> Turn {
        let (given, turn) = oneshot::channel();
        self.lock().waiting.push((namespace.to_owned(), given));
        self.give();
        match turn.await {
            Ok(turn) => turn,
            // The sender is kept until a turn is sent, for as long as this lane is there.
            Err(_) => std::future::pending().await,
        }
    }

    /// How many turns are taken.
    fn at_work(&self) -> usize {
        self.lock().taken.values().sum()
    }

    /// Gives free turns to those that wait.
    fn give(&self) {
        loop {
            let (waiting, turn) = {
                let mut lane = self.lock();
                let Some(next) = lane.next() else { return };
                let (namespace, waiting) = lane.waiting.remove(next);
                lane.free -= 1;
                *lane.taken.entry(namespace.clone()).or_default() += 1;
                (waiting, Turn { lane: self.clone(), namespace })
            };
            // To a wait that was given up, it comes back, and is dropped without the lock.
            drop(waiting.send(turn));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn next(&self) -> Option<usize> {
        let fewest = || (0..self.waiting.len()).min_by_key(|place| self.taken_by(&self.waiting[*place].0));
        if self.free == 0 { None } else { fewest() }
    }

    fn taken_by(&self, namespace: &str) -> usize {
        self.taken.get(namespace).copied().unwrap_or(0)
    }

    fn leave(&mut self, namespace: &str) {
        if let Some(taken) = self.taken.get_mut(namespace) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(namespace);
            }
        }
    }

    /// Counts a turn of this namespace as that of the one that waits with the fewest, if those are fewer than its own.
    fn hand_over(&mut self, namespace: &str) -> Option<(oneshot::Sender<Turn>, String)> {
        let (own, taken) = (self.taken_by(namespace), |place: &usize| self.taken_by(&self.waiting[*place].0));
        let fewest = (0..self.waiting.len()).filter(|place| taken(place) < own).min_by_key(taken)?;
        let (other, waiting) = self.waiting.remove(fewest);
        self.leave(namespace);
        *self.taken.entry(other.clone()).or_default() += 1;
        Some((waiting, other))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut lane = self.lane.lock();
            lane.free += 1;
            lane.leave(&self.namespace);
        }
        self.lane.give();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_namespace_does_not_wait_behind_the_queue_of_another() {
        let turns = Turns::new(2);
        let (one, two) = (turns.take("many").await, turns.take("many").await);
        let mut queue: Vec<_> = (0..5).map(|_| Box::pin(turns.take("many"))).collect();
        for waits in &mut queue {
            assert!(waits.look().is_none());
        }
        let mut other = Box::pin(turns.take("other"));
        assert!(other.look().is_none());
        drop(one);
        let other = other.now_or_never().expect("the next turn is the other namespace's");
        drop(two);
        let third = queue.remove(0).now_or_never().expect("then it is the first of the queue's");
        assert!(queue[0].look().is_none(), "two at a time");
        drop((other, third));
        assert!(queue[0].look().is_some() && queue[1].look().is_some());
    }

    #[tokio::test]
    async fn a_turn_is_offered_to_namespaces_that_have_fewer_and_comes_back() {
        let turns = Turns::new(2);
        let (one, two) =
            (SharedTurn::new(turns.take("many").await), SharedTurn::new(turns.take("many").await));
        let mut queue = Box::pin(turns.take("many"));
        assert!(queue.look().is_none());
        one.offer().now_or_never().expect("nobody waits who has fewer");
        let mut other = Box::pin(turns.take("other"));
        assert!(other.look().is_none());
        let mut waits = Box::pin(one.offer());
        assert!(waits.look().is_none(), "it has given its turn away, and waits for another");
        let other = SharedTurn::new(other.now_or_never().expect("the turn is the other namespace's"));
        two.offer().now_or_never().expect("each has one");
        other.offer().now_or_never().expect("the same");
        // More than there are turns: they go round.
        let mut third = Box::pin(turns.take("third"));
        assert!(third.look().is_none());
        let mut offered = Box::pin(other.offer());
        assert!(offered.look().is_none());
        let third = SharedTurn::new(third.now_or_never().expect("a turn"));
        let mut waits_too = Box::pin(two.offer());
        assert!(waits_too.look().is_none());
        offered
            .now_or_never()
            .expect("the next turn is of the namespace that has none, not of one that came before it");
        let mut last = Box::pin(third.offer());
        assert!(last.look().is_none());
        let _queued = queue.look().expect("among those that have none, first come, first served");
        assert!(waits.look().is_none() && waits_too.look().is_none());
    }

    #[tokio::test]
    async fn what_all_works_may_have_together_is_shared_by_those_that_are_at_work() {
        let turns = Turns::new(4);
        let first = SharedTurn::new(turns.take("many").await);
        assert_eq!((first.share(8), first.share(1)), (8, 1));
        let others = [turns.take("many").await, turns.take("other").await];
        assert_eq!((first.share(8), first.share(1)), (2, 1));
        drop(others);
        assert_eq!(first.share(8), 8);
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_takes_no_turn_and_leaves_none_behind() {
        let turns = Turns::new(1);
        let held = turns.take("one").await;
        let mut given_up = Box::pin(turns.take("two"));
        assert!(given_up.look().is_none());
        let mut waits = Box::pin(turns.take("two"));
        assert!(waits.look().is_none());
        drop(given_up);
        drop(held);
        let turn = waits.now_or_never().expect("a turn");
        drop(turn);
        let lane = turns.lock();
        assert_eq!((lane.free, lane.taken.len(), lane.waiting.len()), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_turn_that_nobody_took_up_goes_to_the_next() {
        let turns = Turns::new(1);
        let held = turns.take("one").await;
        let mut first = Box::pin(turns.take("one"));
        let mut second = Box::pin(turns.take("one"));
        assert!(first.look().is_none() && second.look().is_none());
        // The turn is sent to the first, which is dropped before it looks.
        drop(held);
        drop(first);
        assert!(second.look().is_some());
    }

    /// Looks at a future once, and keeps it.
    trait Look: Future + Unpin {
        fn look(&mut self) -> Option<Self::Output>
        where
            Self: Sized,
        {
            (&mut *self).now_or_never()
        }
    }

    impl<F: Future + Unpin> Look for F {}
}
