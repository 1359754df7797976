//! Work that takes longer than a reconcile may: seeding a run, and removing one from the ledger.
//! Either can be stopped at any point and begun again.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::context::RunRef;
use crate::facts::Background;
use crate::triggers::Triggers;

/// How many runs are worked on at the same time: more would only wait for the same database.
const AT_ONCE: usize = 4;

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Seeding,
    Deleting,
}

/// The work that is under way or failed, by the uid of its run.
pub(crate) struct BackgroundWork {
    works: Arc<Mutex<HashMap<String, Work>>>,
    turns: Arc<Semaphore>,
    triggers: Triggers,
}

enum Work {
    UnderWay { kind: Kind, handle: AbortHandle },
    Failed { kind: Kind, message: String, at: Timestamp },
}

impl BackgroundWork {
    /// Nothing yet. `triggers` is told of each run whose work has ended.
    pub(crate) fn new(triggers: Triggers) -> Self {
        Self { works: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)), triggers }
    }

    /// What is being done for a run.
    pub(crate) fn of(&self, uid: &str) -> Background {
        match lock(&self.works).get(uid) {
            None => Background::Idle,
            Some(Work::UnderWay { kind: Kind::Seeding, .. }) => Background::Seeding,
            Some(Work::UnderWay { kind: Kind::Deleting, .. }) => Background::Deleting,
            Some(Work::Failed { kind, message, at }) => {
                Background::Failed { kind: *kind, message: message.clone(), at: *at }
            }
        }
    }

    /// Begins work for a run, unless the same is under way.
    pub(crate) fn start<E: Display + Send>(
        &self,
        uid: &str,
        run: RunRef,
        kind: Kind,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let mut works = lock(&self.works);
        match works.get(uid) {
            Some(Work::UnderWay { kind: same, .. }) if *same == kind => return,
            Some(Work::UnderWay { handle, .. }) => handle.abort(),
            Some(Work::Failed { .. }) | None => {}
        }
        let (turns, triggers) = (Arc::clone(&self.turns), self.triggers.clone());
        let (all, of) = (Arc::clone(&self.works), uid.to_owned());
        let span = tracing::info_span!("background", ?kind, run = %run);
        let task = async move {
            let turn = turns.acquire_owned().await;
            let outcome = work.await;
            drop(turn);
            let mut works = lock(&all);
            match outcome {
                Ok(()) => {
                    tracing::info!("done");
                    works.remove(&of);
                }
                Err(error) => {
                    tracing::warn!(%error, "failed");
                    works.insert(of, Work::Failed { kind, message: error.to_string(), at: Timestamp::now() });
                }
            }
            drop(works);
            triggers.wake(&run);
        };
        // The map is locked until the handle is in it, so the task can not end before.
        let handle = tokio::spawn(task.instrument(span)).abort_handle();
        works.insert(uid.to_owned(), Work::UnderWay { kind, handle });
    }

    /// Stops what is under way for a run, and forgets what failed.
    pub(crate) fn stop(&self, uid: &str) {
        if let Some(Work::UnderWay { handle, .. }) = lock(&self.works).remove(uid) {
            handle.abort();
        }
    }
}

impl Drop for BackgroundWork {
    /// Who no longer leads works for nobody.
    fn drop(&mut self) {
        for work in lock(&self.works).values() {
            if let Work::UnderWay { handle, .. } = work {
                handle.abort();
            }
        }
    }
}

fn lock(works: &Mutex<HashMap<String, Work>>) -> std::sync::MutexGuard<'_, HashMap<String, Work>> {
    works.lock().unwrap_or_else(PoisonError::into_inner)
}
