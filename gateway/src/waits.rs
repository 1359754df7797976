//! Waiting for something of a run, such as signatures: one look for all that wait, by which only those are woken that have all.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::pushing::SettledPush;
use chancery_store::results::SignedRecord;
use chancery_store::{Ledger, Run, StoreError};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::runs::PushedRun;

/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// So many are looked for at a time: the first of those that are waited for.
const AT_A_TIME: usize = 5_000;

/// What is waited for, by its number.
pub(crate) trait Sought: Clone + Send + 'static {
    /// What it is called.
    const WHAT: &'static str;

    /// Between two looks.
    const LOOK: Duration;

    /// Those that are there.
    fn look(
        ledger: &Ledger,
        run: &Run,
        numbers: &[i64],
    ) -> impl Future<Output = Result<Vec<(i64, Self)>, StoreError>> + Send;
}

/// By the number of its record.
impl Sought for SignedRecord {
    const WHAT: &'static str = "signatures";
    const LOOK: Duration = Duration::from_millis(10);

    async fn look(ledger: &Ledger, run: &Run, numbers: &[i64]) -> Result<Vec<(i64, Self)>, StoreError> {
        let found = ledger.signatures_of(run, numbers).await?;
        Ok(found.into_iter().map(|signed| (signed.record, signed)).collect())
    }
}

/// What waited for what others say of it, by its position: that takes the time of a call at the least.
impl Sought for SettledPush {
    const WHAT: &'static str = "judged arrivals";
    const LOOK: Duration = Duration::from_millis(50);

    async fn look(ledger: &Ledger, run: &Run, numbers: &[i64]) -> Result<Vec<(i64, Self)>, StoreError> {
        ledger.settled_pushes(run, numbers).await
    }
}

/// Whoever waits for those of a run.
pub(crate) struct Waits<T>(Arc<Shared<T>>);

impl<T> Clone for Waits<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<T> {
    ledger: Ledger,
    target: Arc<PushedRun>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What is waited for.
    wanted: BTreeMap<i64, Wanted<T>>,
    is_looking: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { wanted: BTreeMap::new(), is_looking: false }
    }
}

struct Wanted<T> {
    /// By whom.
    by: Vec<Arc<Waiter>>,
    /// It, once it is there.
    found: Option<T>,
}

impl<T> Default for Wanted<T> {
    fn default() -> Self {
        Self { by: Vec::new(), found: None }
    }
}

/// One that waits.
#[derive(Default)]
struct Waiter {
    /// For how many it still does.
    left: AtomicUsize,
    has_all: Notify,
}

impl<T> State<T> {
    fn want(&mut self, records: &[i64], waiter: &Arc<Waiter>) {
        for record in records {
            let wanted = self.wanted.entry(*record).or_default();
            wanted.by.push(Arc::clone(waiter));
            if wanted.found.is_none() {
                waiter.left.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn found(&mut self, number: i64, found: T) {
        let Some(wanted) = self.wanted.get_mut(&number) else { return };
        if wanted.found.is_none() {
            for waiter in &wanted.by {
                if waiter.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    waiter.has_all.notify_one();
                }
            }
        }
        wanted.found = Some(found);
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

impl<T: Sought> Waits<T> {
    pub(crate) fn new(ledger: Ledger, target: Arc<PushedRun>) -> Self {
        Self(Arc::new(Shared { ledger, target, state: Mutex::default() }))
    }

    /// Those of these numbers that are there by then, or as soon as all are.
    pub(crate) async fn until(&self, records: Vec<i64>, until: Instant) -> HashMap<i64, T> {
        let wait = Wait { shared: &self.0, records, waiter: Arc::default() };
        if self.want(&wait) > 0 {
            // Over or not, what is there is what is answered.
            let _over = timeout_at(until, wait.waiter.has_all.notified()).await;
        }
        wait.found()
    }

    /// For how many it waits.
    fn want(&self, wait: &Wait<'_, T>) -> usize {
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
struct Wait<'a, T> {
    shared: &'a Shared<T>,
    records: Vec<i64>,
    waiter: Arc<Waiter>,
}

impl<T: Clone> Wait<'_, T> {
    fn found(&self) -> HashMap<i64, T> {
        let state = self.shared.state();
        let found = |record: &i64| Some((*record, state.wanted.get(record)?.found.clone()?));
        self.records.iter().filter_map(found).collect()
    }
}

impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        self.shared.state().want_no_more(&self.records, &self.waiter);
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
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
async fn look<T: Sought>(shared: Arc<Shared<T>>) {
    while let Some(records) = shared.open() {
        let pause = match T::look(&shared.ledger, &shared.target.run, &records).await {
            Ok(found) => {
                let mut state = shared.state();
                found.into_iter().for_each(|(number, found)| state.found(number, found));
                T::LOOK
            }
            Err(error) => {
                tracing::warn!(%error, run = shared.target.name, "{} cannot be looked for", T::WHAT);
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
        let (mut state, one, both) =
            (State::<SignedRecord>::default(), Arc::<Waiter>::default(), Arc::<Waiter>::default());
        state.want(&[1], &one);
        // The same record twice: a duplicate within a request.
        state.want(&[1, 2, 1], &both);
        state.found(1, signed(1));
        one.has_all.notified().await;
        assert_eq!(both.left.load(Ordering::Relaxed), 1);
        // It was found meanwhile: there is nothing to wait for.
        let late = Arc::<Waiter>::default();
        state.want(&[1], &late);
        assert_eq!(late.left.load(Ordering::Relaxed), 0);
        state.found(2, signed(2));
        state.found(2, signed(2));
        both.has_all.notified().await;
        for (records, waiter) in [(&[1][..], &one), (&[1, 2, 1], &both), (&[1], &late)] {
            state.want_no_more(records, waiter);
        }
        assert!(state.wanted.is_empty());
    }
}
