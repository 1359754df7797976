//! Places for work that may take seconds of a processor, shared by all runs: what is pushed to one run never takes them all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};
use uuid::Uuid;

/// So much is done at a time: each has memory of its own, and more would be no faster.
const PLACES: usize = 4;

/// Of these, so many by one run: whoever pushes to another finds one that is free, or waits for the first that becomes so.
const OF_ONE: usize = PLACES - 1;

/// See the module.
pub(crate) struct Places(Arc<Shared>);

struct Shared {
    of_one: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// Counts the places that were given.
    given: u64,
    /// Counts those that were asked for.
    asked: u64,
    runs: HashMap<Uuid, OfRun>,
}

/// What a run has, and wants.
#[derive(Default)]
struct OfRun {
    held: usize,
    /// Which place it was given last.
    last: u64,
    /// Each with its number among those that were asked for.
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// A place, for as long as somebody has it.
struct Place {
    of: Arc<Shared>,
    run: Uuid,
}

impl Default for Places {
    fn default() -> Self {
        Self::new(PLACES, OF_ONE)
    }
}

impl Places {
    fn new(places: usize, of_one: usize) -> Self {
        let state = Mutex::new(State { free: places, given: 0, asked: 0, runs: HashMap::new() });
        Self(Arc::new(Shared { of_one, state }))
    }

    /// Does what was pushed to a run needs, once there is a place for it; none if it broke.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        run: Uuid,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let place = self.take(run).await;
        // The work keeps its place also when nobody waits for it any more.
        spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        })
        .await
    }

    /// Waits for a place. There is always one: who waits is forgotten only once it has gone.
    async fn take(&self, run: Uuid) -> Option<Place> {
        let (give, given) = oneshot::channel();
        self.0.lock().ask(run, give);
        hand_out(&self.0);
        given.await.ok()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the places that are free to whoever waits.
fn hand_out(shared: &Arc<Shared>) {
    loop {
        let Some((run, give)) = shared.lock().next(shared.of_one) else { return };
        // Whoever has gone just now gives it back by that.
        drop(give.send(Place { of: Arc::clone(shared), run }));
    }
}

impl State {
    fn ask(&mut self, run: Uuid, give: oneshot::Sender<Place>) {
        self.asked += 1;
        self.runs.entry(run).or_default().waiting.push_back((self.asked, give));
    }

    /// Who gets a place: of the runs that have the fewest, the one that got its last one the longest ago, or has waited for longest.
    fn next(&mut self, of_one: usize) -> Option<(Uuid, oneshot::Sender<Place>)> {
        if self.free == 0 {
            return None;
        }
        self.runs.retain(|_, run| {
            while run.waiting.front().is_some_and(|(_, give)| give.is_closed()) {
                run.waiting.pop_front();
            }
            run.held > 0 || !run.waiting.is_empty()
        });
        let may = self.runs.iter_mut().filter(|(_, run)| run.held < of_one && !run.waiting.is_empty());
        let asked = |run: &OfRun| run.waiting.front().map(|(number, _)| *number);
        let (uid, run) = may.min_by_key(|(_, run)| (run.held, run.last, asked(run)))?;
        let (_, give) = run.waiting.pop_front()?;
        self.free -= 1;
        self.given += 1;
        (run.held, run.last) = (run.held + 1, self.given);
        Some((*uid, give))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.of.lock();
            state.free += 1;
            if let Some(run) = state.runs.get_mut(&self.run) {
                run.held -= 1;
            }
        }
        hand_out(&self.of);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Poll;

    use futures::{FutureExt as _, poll};

    use super::*;

    const RUNS: [Uuid; 3] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];

    fn given(polled: Poll<Option<Place>>) -> Option<Place> {
        match polled {
            Poll::Ready(place) => Some(place.expect("whoever waits gets one")),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn a_run_that_takes_what_it_may_leaves_a_place_to_the_others() {
        let [hog, other, third] = RUNS;
        let places = Places::new(4, 3);
        let mut held: Vec<_> = (0..3).map(|_| places.take(hog).now_or_never().expect("a place")).collect();
        let mut more = pin!(places.take(hog));
        assert!(given(poll!(&mut more)).is_none(), "it has as many as it may have");
        let first = places.take(other).now_or_never().expect("the one that is left");
        let (mut second, mut of_third) = (pin!(places.take(other)), pin!(places.take(third)));
        assert!(given(poll!(&mut second)).is_none() && given(poll!(&mut of_third)).is_none());
        held.pop();
        let of_third = given(poll!(&mut of_third)).expect("the one that has none is the first");
        assert!(given(poll!(&mut more)).is_none() && given(poll!(&mut second)).is_none());
        drop(of_third);
        let second = given(poll!(&mut second)).expect("then the one that has fewer");
        assert!(given(poll!(&mut more)).is_none());
        drop((first, second));
        assert!(given(poll!(&mut more)).is_some(), "and it again, which has two");
    }

    #[tokio::test]
    async fn runs_that_have_as_many_take_turns() {
        let places = Places::new(1, 1);
        let mut place = places.take(RUNS[0]).now_or_never().expect("a place");
        let asked = [RUNS[0], RUNS[0], RUNS[1], RUNS[2], RUNS[1]];
        let mut waiting: Vec<_> = asked.iter().map(|run| (*run, Box::pin(places.take(*run)))).collect();
        for (_, waits) in &mut waiting {
            assert!(given(poll!(waits)).is_none());
        }
        let mut order = Vec::new();
        for _ in asked {
            drop(place);
            place = None;
            for at in 0..waiting.len() {
                if let Some(found) = given(poll!(&mut waiting[at].1)) {
                    order.push(waiting.remove(at).0);
                    place = Some(found);
                    break;
                }
            }
        }
        assert_eq!(order, [RUNS[1], RUNS[2], RUNS[0], RUNS[1], RUNS[0]]);
    }

    #[tokio::test]
    async fn who_has_gone_keeps_no_place() {
        let places = Places::new(1, 1);
        let place = places.take(RUNS[0]).now_or_never().expect("a place");
        let (mut gone, mut told) = (Box::pin(places.take(RUNS[1])), Box::pin(places.take(RUNS[1])));
        assert!(given(poll!(&mut gone)).is_none() && given(poll!(&mut told)).is_none());
        drop(gone);
        drop(place);
        // It was given, and its owner went before it heard of it.
        drop(told);
        drop(places.take(RUNS[2]).now_or_never().expect("a place"));
        assert!(places.0.lock().runs.is_empty(), "nothing is kept of the runs");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_place_until_it_is_done() {
        let places = Places::new(1, 1);
        let (end, ended) = mpsc::channel::<()>();
        let mut work = Box::pin(places.work(RUNS[0], move || ended.recv()));
        assert!(poll!(&mut work).is_pending());
        drop(work);
        let mut next = pin!(places.work(RUNS[1], || 7));
        assert!(poll!(&mut next).is_pending());
        end.send(()).expect("it is at work");
        assert_eq!(next.await.expect("done"), 7);
    }
}
