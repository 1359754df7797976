//! Watching runs: one look at the ledger for all runs that somebody watches, however many watch each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::standing::Standing;
use chancery_store::{Ledger, Run};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Whoever watches runs.
pub(crate) struct Watching {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    ended: watch::Sender<bool>,
}

struct Shared {
    ledger: Ledger,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that are watched, by their numbers in the ledger.
    runs: HashMap<i32, watch::Sender<Seen>>,
    is_looking: bool,
}

/// What was seen of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was not looked at yet.
    Nothing,
    There(Standing),
    /// It is gone, or being deleted.
    Gone,
}

/// One that watches a run.
pub(crate) struct Watch {
    pub(crate) seen: watch::Receiver<Seen>,
    /// Whether everybody is to end.
    pub(crate) ended: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Watching {
    pub(crate) fn new(ledger: Ledger, most: usize) -> Self {
        let shared = Arc::new(Shared { ledger, state: Mutex::default() });
        Self { shared, places: Arc::new(Semaphore::new(most)), ended: watch::Sender::new(false) }
    }

    /// Watches a run; none if too many watch already.
    pub(crate) fn watch(&self, run: &Run) -> Option<Watch> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut state = self.shared.state();
        let seen = state.runs.entry(run.id).or_insert_with(|| watch::Sender::new(Seen::Nothing)).subscribe();
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(look(Arc::clone(&self.shared)));
        }
        Some(Watch { seen, ended: self.ended.subscribe(), _place: place })
    }

    /// Ends all that watch, and those that come.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that somebody watches; the others are forgotten. None, and nobody looks any more, when there are none.
    fn watched(&self) -> Option<Vec<i32>> {
        let mut state = self.state();
        state.runs.retain(|_, seen| seen.receiver_count() > 0);
        state.is_looking = !state.runs.is_empty();
        state.is_looking.then(|| state.runs.keys().copied().collect())
    }

    fn tell(&self, looked_at: &[i32], found: &[Standing]) {
        let found: HashMap<i32, Standing> = found.iter().map(|standing| (standing.id, *standing)).collect();
        let state = self.state();
        for run in looked_at {
            let Some(sender) = state.runs.get(run) else { continue };
            let now = found.get(run).map_or(Seen::Gone, |standing| Seen::There(*standing));
            sender.send_if_modified(|seen| std::mem::replace(seen, now) != now);
        }
    }
}

/// Looks until nobody watches.
async fn look(shared: Arc<Shared>) {
    while let Some(runs) = shared.watched() {
        let pause = match shared.ledger.standing(&runs).await {
            Ok(found) => {
                shared.tell(&runs, &found);
                LOOK
            }
            Err(error) => {
                tracing::warn!(%error, "runs that are watched cannot be looked at");
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}
