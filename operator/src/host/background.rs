//! Work that takes longer than a reconcile may. It can be stopped at any point and started again.
//!
//! An object may have several works under way, each of another kind.

use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::{Lookup, ObjectRef};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::host::triggers::Triggers;

/// How many works run at the same time: more would only wait for the same database.
const AT_ONCE: usize = 4;

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
    turns: Arc<Semaphore>,
    triggers: Triggers<K>,
}

impl<K, W> BackgroundWork<K, W>
where
    K: Lookup<DynamicType = ()> + 'static,
    W: Copy + Debug + Eq + Hash + Send + 'static,
{
    /// Nothing is under way. `triggers` is told of each object of which a work has ended.
    pub(crate) fn new(triggers: Triggers<K>) -> Self {
        Self { works: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)), triggers }
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
        let key = (uid.to_owned(), kind);
        let mut works = lock(&self.works);
        if let Some(Work::UnderWay(_)) = works.get(&key) {
            return;
        }
        let (turns, triggers) = (Arc::clone(&self.turns), self.triggers.clone());
        let (all, of) = (Arc::clone(&self.works), key.clone());
        let span = tracing::info_span!("background", ?kind, object = %object);
        let task = async move {
            let turn = turns.acquire_owned().await;
            let outcome = work.await;
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
