//! Waiting for signatures: one look for all that wait for those of a run, by which only those are woken that have all.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::Ledger;
use chancery_store::results::SignedRecord;
use tokio::sync::Notify;
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
}

#[derive(Default)]
struct State {
    /// Records that are waited for.
    wanted: BTreeMap<i64, Wanted>,
    is_looking: bool,
}

#[derive(Default)]
struct Wanted {
    /// By whom.
    by: Vec<Arc<Waiter>>,
    /// The signature once it is there.
    found: Option<SignedRecord>,
}

/// One that waits.
#[derive(Default)]
struct Waiter {
    /// For how many signatures it still does.
    left: AtomicUsize,
    has_all: Notify,
}

impl State {
    fn want(&mut self, records: &[i64], waiter: &Arc<Waiter>) {
        for record in records {
            let wanted = self.wanted.entry(*record).or_default();
            wanted.by.push(Arc::clone(waiter));
            if wanted.found.is_none() {
                waiter.left.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn found(&mut self, signed: SignedRecord) {
        let Some(wanted) = self.wanted.get_mut(&signed.record) else { return };
        if wanted.found.is_none() {
            for waiter in &wanted.by {
                if waiter.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    waiter.has_all.notify_one();
                }
            }
        }
        wanted.found = Some(signed);
    }

    fn want_no_more(&mut self, records: &[i64], waiter: &Arc<Waiter>) {
        for record in records {
            let is_last = self.wanted.get_mut(record).is_some_and(|wanted| {
                if let Some(place) = wanted.by.iter().position(|other| Arc::ptr_eq(other, waiter)) {
                    wanted.by.swap_remove(place);
                }
                wanted.by.is_empty()
            });
            if is_last {
                self.wanted.remove(record);
            }
        }
    }
}

impl Waits {
    pub(crate) fn new(ledger: Ledger, target: Arc<PushedRun>) -> Self {
        Self(Arc::new(Shared { ledger, target, state: Mutex::default() }))
    }

    /// The signatures of these records that are there by then, or as soon as all are.
    pub(crate) async fn until(&self, records: Vec<i64>, until: Instant) -> HashMap<i64, SignedRecord> {
        let wait = Wait { shared: &self.0, records, waiter: Arc::default() };
        if self.want(&wait) > 0 {
            // Over or not, what is there is what is answered.
            let _over = timeout_at(until, wait.waiter.has_all.notified()).await;
        }
        wait.found()
    }

    /// For how many it waits.
    fn want(&self, wait: &Wait<'_>) -> usize {
        let mut state = self.0.state();
        state.want(&wait.records, &wait.waiter);
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(look(Arc::clone(&self.0)));
        }
        wait.waiter.left.load(Ordering::Relaxed)
    }
}

/// One that waits. What it wants is wanted no more once it is gone, however it ends.
struct Wait<'a> {
    shared: &'a Shared,
    records: Vec<i64>,
    waiter: Arc<Waiter>,
}

impl Wait<'_> {
    fn found(&self) -> HashMap<i64, SignedRecord> {
        let state = self.shared.state();
        let found = |record: &i64| Some((*record, state.wanted.get(record)?.found.clone()?));
        self.records.iter().filter_map(found).collect()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.shared.state().want_no_more(&self.records, &self.waiter);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those to look for; none, and nobody looks any more, when nobody waits.
    fn open(&self) -> Option<Vec<i64>> {
        let mut state = self.state();
        state.is_looking = !state.wanted.is_empty();
        let open = state.wanted.iter().filter(|(_, wanted)| wanted.found.is_none());
        let open = open.map(|(record, _)| *record).take(AT_A_TIME).collect();
        state.is_looking.then_some(open)
    }
}

/// Looks until nobody waits.
async fn look(shared: Arc<Shared>) {
    while let Some(records) = shared.open() {
        let pause = match shared.ledger.signatures_of(&shared.target.run, &records).await {
            Ok(found) => {
                let mut state = shared.state();
                found.into_iter().for_each(|signed| state.found(signed));
                LOOK
            }
            Err(error) => {
                tracing::warn!(%error, run = shared.target.name, "signatures cannot be looked for");
                AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn signed(record: i64) -> SignedRecord {
        let (digest, signature) = (vec![1; 32], vec![2; 64]);
        SignedRecord {
            record,
            digest,
            key_id: Uuid::nil(),
            signature,
            signed_at: String::new(),
            flags: None,
            payload: None,
        }
    }

    #[tokio::test]
    async fn whoever_has_all_is_woken_and_nobody_else() {
        let (mut state, one, both) = (State::default(), Arc::<Waiter>::default(), Arc::<Waiter>::default());
        state.want(&[1], &one);
        // The same record twice: a duplicate within a request.
        state.want(&[1, 2, 1], &both);
        state.found(signed(1));
        one.has_all.notified().await;
        assert_eq!(both.left.load(Ordering::Relaxed), 1);
        // It was found meanwhile: there is nothing to wait for.
        let late = Arc::<Waiter>::default();
        state.want(&[1], &late);
        assert_eq!(late.left.load(Ordering::Relaxed), 0);
        state.found(signed(2));
        state.found(signed(2));
        both.has_all.notified().await;
        for (records, waiter) in [(&[1][..], &one), (&[1, 2, 1], &both), (&[1], &late)] {
            state.want_no_more(records, waiter);
        }
        assert!(state.wanted.is_empty());
    }
}
