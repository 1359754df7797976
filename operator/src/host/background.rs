//! Work that takes longer than a reconcile may. It can be stopped at any point and started again.
//!
//! An object may have several works under way, each of another kind. Kinds are in lanes: works of one lane wait for each
//! other, by turns among namespaces, and never for those of another lane.

use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::{Lookup, ObjectRef};
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::host::triggers::Triggers;
use crate::host::turns::{SharedTurn, Turns};

/// Kinds of work, in lanes.
pub(crate) trait InLanes: Copy + Debug + Eq + Hash + Send + 'static {
    /// How many works of each lane run at the same time.
    const LANES: &'static [usize];

    /// The number of the lane of this kind, from 0 on.
    fn lane(self) -> usize;
}

/// Where one kind of work for an object stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkState {
    /// It is not under way, and has not failed.
    #[default]
    Idle,
    /// It is under way, or waits for its turn.
    UnderWay,
    /// It failed, and has not been started again.
    Failed {
        /// The error, for people.
        message: String,
        /// When it failed.
        at: Timestamp,
    },
}

/// What identifies a work: the uid of its object, and the kind of work.
type Key<W> = (String, W);

type Works<W> = HashMap<Key<W>, Work>;

enum Work {
    UnderWay(AbortHandle),
    Failed { message: String, at: Timestamp },
}

/// The works for objects of kind `K` that are under way or failed. `W` tells the kinds of work apart.
/// Dropped, it stops them all: whatever leads next starts them again.
pub(crate) struct BackgroundWork<K: Lookup<DynamicType = ()>, W> {
    works: Arc<Mutex<Works<W>>>,
    lanes: Vec<Turns>,
    triggers: Triggers<K>,
}

impl<K, W> BackgroundWork<K, W>
where
    K: Lookup<DynamicType = ()> + 'static,
    W: InLanes,
{
    /// Nothing is under way. `triggers` is told of each object of which a work has ended.
    pub(crate) fn new(triggers: Triggers<K>) -> Self {
        let lanes = W::LANES.iter().map(|at_once| Turns::new(*at_once)).collect();
        Self { works: Arc::default(), lanes, triggers }
    }

    /// Where one kind of work for an object stands.
    pub(crate) fn of(&self, uid: &str, kind: W) -> WorkState {
        match lock(&self.works).get(&(uid.to_owned(), kind)) {
            None => WorkState::Idle,
            Some(Work::UnderWay(_)) => WorkState::UnderWay,
            Some(Work::Failed { message, at }) => WorkState::Failed { message: message.clone(), at: *at },
        }
    }

    /// Starts a work for an object, unless the same kind is under way.
    pub(crate) fn start<E: Display + Send>(
        &self,
        uid: &str,
        object: ObjectRef<K>,
        kind: W,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.start_in_steps(uid, object, kind, |_turn| work);
    }

    /// The same for a work that takes long, and offers its turn to others at each step.
    pub(crate) fn start_in_steps<E, F>(
        &self,
        uid: &str,
        object: ObjectRef<K>,
        kind: W,
        work: impl FnOnce(SharedTurn) -> F + Send + 'static,
    ) where
        E: Display + Send,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let key = (uid.to_owned(), kind);
        let mut works = lock(&self.works);
        if let Some(Work::UnderWay(_)) = works.get(&key) {
            return;
        }
        let (turns, triggers) = (self.lanes[kind.lane()].clone(), self.triggers.clone());
        let (all, of) = (Arc::clone(&self.works), key.clone());
        let span = tracing::info_span!("background", ?kind, object = %object);
        let task = async move {
            let turn = SharedTurn::new(turns.take(object.namespace.as_deref().unwrap_or_default()).await);
            let outcome = work(turn.clone()).await;
            drop(turn);
            let mut works = lock(&all);
            match outcome {
                Ok(()) => {
                    tracing::info!("the background work is done");
                    works.remove(&of);
                }
                Err(error) => {
                    tracing::warn!(%error, "the background work failed; it is retried after a pause");
                    works.insert(of, Work::Failed { message: error.to_string(), at: Timestamp::now() });
                }
            }
            drop(works);
            triggers.wake(&object);
        };
        // The map is locked until the handle is in it, so the task cannot end before.
        let handle = tokio::spawn(task.instrument(span)).abort_handle();
        works.insert(key, Work::UnderWay(handle));
    }

    /// Stops one kind of work for an object, and forgets its failure.
    pub(crate) fn stop(&self, uid: &str, kind: W) {
        if let Some(Work::UnderWay(handle)) = lock(&self.works).remove(&(uid.to_owned(), kind)) {
            handle.abort();
        }
    }

    /// Stops every work for an object that is gone, and forgets its failures.
    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.works).retain(|(of, _), work| {
            if of == uid
                && let Work::UnderWay(handle) = work
            {
                handle.abort();
            }
            of != uid
        });
    }
}

impl<K: Lookup<DynamicType = ()>, W> Drop for BackgroundWork<K, W> {
    fn drop(&mut self) {
        for work in lock(&self.works).values() {
            if let Work::UnderWay(handle) = work {
                handle.abort();
            }
        }
    }
}

fn lock<W>(works: &Mutex<Works<W>>) -> MutexGuard<'_, Works<W>> {
    works.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    enum Kind {
        One,
        Other,
    }

    impl InLanes for Kind {
        const LANES: &'static [usize] = &[1, 1];

        fn lane(self) -> usize {
            match self {
                Self::One => 0,
                Self::Other => 1,
            }
        }
    }

    fn object() -> ObjectRef<ConfigMap> {
        ObjectRef::new("demo").within("default")
    }

    #[tokio::test]
    async fn two_kinds_of_work_for_one_object_are_under_way_stopped_and_fail_apart() {
        let mut triggers = Triggers::default();
        let mut woken = triggers.scope(None);
        let works = BackgroundWork::new(triggers);
        works.start("uid", object(), Kind::One, pending::<Result<(), Infallible>>());
        works.start("uid", object(), Kind::Other, async { Err("it went wrong") });
        assert_eq!(woken.recv().await, Some(object()), "the end of a work starts a reconcile");
        assert_eq!(works.of("uid", Kind::One), WorkState::UnderWay);
        assert!(matches!(
            works.of("uid", Kind::Other),
            WorkState::Failed { message, .. } if message == "it went wrong"
        ));
        assert_eq!(works.of("another", Kind::One), WorkState::Idle);

        works.stop("uid", Kind::One);
        assert_eq!(works.of("uid", Kind::One), WorkState::Idle);
        assert!(matches!(works.of("uid", Kind::Other), WorkState::Failed { .. }));
        works.start("uid", object(), Kind::Other, async { Ok::<_, Infallible>(()) });
        assert_eq!(woken.recv().await, Some(object()));
        assert_eq!(works.of("uid", Kind::Other), WorkState::Idle, "a failure is forgotten with a success");
    }

    #[tokio::test]
    async fn works_of_one_lane_wait_for_each_other_and_for_no_other_lane() {
        let mut triggers = Triggers::default();
        let mut woken = triggers.scope(None);
        let works = BackgroundWork::new(triggers);
        works.start("first", object(), Kind::One, pending::<Result<(), Infallible>>());
        tokio::task::yield_now().await;
        works.start("second", object(), Kind::One, async { Ok::<_, Infallible>(()) });
        works.start("second", object(), Kind::Other, async { Ok::<_, Infallible>(()) });
        assert_eq!(woken.recv().await, Some(object()));
        assert_eq!(works.of("second", Kind::Other), WorkState::Idle);
        assert_eq!(works.of("second", Kind::One), WorkState::UnderWay);
        works.stop("first", Kind::One);
        assert_eq!(woken.recv().await, Some(object()));
        assert_eq!(works.of("second", Kind::One), WorkState::Idle);
    }

    #[tokio::test]
    async fn an_object_that_is_gone_takes_its_works_with_it_and_no_others() {
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel::<()>();
        let works = BackgroundWork::new(Triggers::default());
        for (uid, kind) in [("gone", Kind::One), ("gone", Kind::Other)] {
            let ended = ended.clone();
            works.start(uid, object(), kind, async move {
                let _ended = ended;
                pending::<Result<(), Infallible>>().await
            });
        }
        works.start("stays", object(), Kind::One, pending::<Result<(), Infallible>>());
        drop(ended);
        works.forget("gone");
        assert_eq!(ends.recv().await, None, "both tasks ended");
        assert_eq!(works.of("gone", Kind::One), WorkState::Idle);
        assert_eq!(works.of("stays", Kind::One), WorkState::UnderWay);
    }
}
