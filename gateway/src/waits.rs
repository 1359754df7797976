//! Waiting for signatures: one look for all that wait for those of a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_store::Ledger;
use chancery_store::results::SignedRecord;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::runs::PushedRun;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Records that are looked for at a time: the first of those that are waited for.
const AT_A_TIME: usize = 5_000;

/// Whoever waits for signatures of a run.
#[derive(Clone)]
pub(crate) struct Waits(Arc<Shared>);

struct Shared {
    ledger: Ledger,
    target: Arc<PushedRun>,
    state: Mutex<State>,
    /// Changes with each look.
    looked: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Records that are waited for: by how many, and the signature once it is there.
    wanted: BTreeMap<i64, Wanted>,
    is_looking: bool,
}

#[derive(Default)]
struct Wanted {
    by: usize,
    found: Option<SignedRecord>,
}

impl Waits {
    pub(crate) fn new(ledger: Ledger, target: Arc<PushedRun>) -> Self {
        Self(Arc::new(Shared { ledger, target, state: Mutex::default(), looked: watch::Sender::new(()) }))
    }

    /// The signatures of these records that are there by then, or as soon as all are.
    pub(crate) async fn until(&self, records: Vec<i64>, until: Instant) -> HashMap<i64, SignedRecord> {
        let mut looked = self.0.looked.subscribe();
        let wait = Wait { waits: self, records };
        self.want(&wait.records);
        loop {
            if wait.is_over() || timeout_at(until, looked.changed()).await.is_err() {
                return wait.found();
            }
        }
    }

    fn want(&self, records: &[i64]) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            state.wanted.entry(*record).or_default().by += 1;
        }
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(look(Arc::clone(&self.0)));
        }
    }
}

/// One that waits. What it wants is wanted no more once it is gone, however it ends.
struct Wait<'a> {
    waits: &'a Waits,
    records: Vec<i64>,
}

impl Wait<'_> {
    fn is_over(&self) -> bool {
        let state = self.waits.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_found = |record| state.wanted.get(record).is_some_and(|wanted| wanted.found.is_some());
        // The last is signed last, as a rule.
        self.records.iter().rev().all(is_found)
    }

    fn found(&self) -> HashMap<i64, SignedRecord> {
        let state = self.waits.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let found = |record: &i64| Some((*record, state.wanted.get(record)?.found.clone()?));
        self.records.iter().filter_map(found).collect()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut state = self.waits.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for record in &self.records {
            let is_last = state.wanted.get_mut(record).is_some_and(|wanted| {
                wanted.by -= 1;
                wanted.by == 0
            });
            if is_last {
                state.wanted.remove(record);
            }
        }
    }
}

/// Looks until nobody waits.
async fn look(shared: Arc<Shared>) {
    loop {
        let records: Vec<i64> = {
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.wanted.is_empty() {
                state.is_looking = false;
                return;
            }
            let open = state.wanted.iter().filter(|(_, wanted)| wanted.found.is_none());
            open.map(|(record, _)| *record).take(AT_A_TIME).collect()
        };
        let pause = match shared.ledger.signatures_of(&shared.target.run, &records).await {
            Ok(found) => {
                let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                for signed in found {
                    if let Some(wanted) = state.wanted.get_mut(&signed.record) {
                        wanted.found = Some(signed);
                    }
                }
                LOOK
            }
            Err(error) => {
                tracing::warn!(%error, run = shared.target.name, "signatures cannot be looked for");
                AFTER_FAILURE
            }
        };
        shared.looked.send_replace(());
        tokio::time::sleep(pause).await;
    }
}
