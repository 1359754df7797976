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
        let taken = |namespace: &String| self.taken.get(namespace).copied().unwrap_or(0);
        let fewest = || (0..self.waiting.len()).min_by_key(|place| taken(&self.waiting[*place].0));
        if self.free == 0 { None } else { fewest() }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut lane = self.lane.lock();
            lane.free += 1;
            if let Some(taken) = lane.taken.get_mut(&self.namespace) {
                *taken -= 1;
                if *taken == 0 {
                    lane.taken.remove(&self.namespace);
                }
            }
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
