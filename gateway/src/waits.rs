//! Waiting for something of a run, such as signatures: one look for all that wait, by which only those are woken that have all.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
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

/// So many are looked for at a time.
const AT_A_TIME: usize = 5_000;

/// What is waited for, by its number.
pub(crate) trait Sought: Clone + Send + 'static {
    /// What it is called.
    const WHAT: &'static str;

    /// Between two looks.
    const LOOK: Duration;

    /// Whether they come in their order. If so, the first of those that are waited for are looked for; if not, those behind the ones of the
    /// last look: a first one that does not come would hide others that are there.
    const IN_ORDER: bool;

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
    const IN_ORDER: bool = true;

    async fn look(ledger: &Ledger, run: &Run, numbers: &[i64]) -> Result<Vec<(i64, Self)>, StoreError> {
        let found = ledger.signatures_of(run, numbers).await?;
        Ok(found.into_iter().map(|signed| (signed.record, signed)).collect())
    }
}

/// What waited for what others say of it, by its position: that takes the time of a call at the least.
impl Sought for SettledPush {
    const WHAT: &'static str = "judged arrivals";
    const LOOK: Duration = Duration::from_millis(50);
    const IN_ORDER: bool = false;

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
    /// The last one that was looked for.
    last: i64,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { wanted: BTreeMap::new(), is_looking: false, last: i64::MIN }
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

impl<T: Sought> State<T> {
    /// Those to look for; none, and nobody looks any more, when nobody waits.
    fn open(&mut self) -> Option<Vec<i64>> {
        self.is_looking = !self.wanted.is_empty();
        if !self.is_looking {
            return None;
        }
        let behind = if T::IN_ORDER { i64::MIN } else { self.last };
        let (first, then) = (self.wanted.range((Excluded(behind), Unbounded)), self.wanted.range(..=behind));
        let open = first.chain(then).filter(|(_, wanted)| wanted.found.is_none());
        let open: Vec<i64> = open.map(|(number, _)| *number).take(AT_A_TIME).collect();
        self.last = open.last().copied().unwrap_or(i64::MIN);
        Some(open)
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

    /// Those of these numbers that are there now.
    pub(crate) async fn now(&self, numbers: &[i64]) -> HashMap<i64, T> {
        let mut found = HashMap::new();
        for numbers in numbers.chunks(AT_A_TIME) {
            match T::look(&self.0.ledger, &self.0.target.run, numbers).await {
                Ok(these) => found.extend(these),
                Err(error) => {
                    tracing::warn!(%error, run = self.0.target.name, "{} cannot be looked for", T::WHAT);
                }
            }
        }
        found
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
}

impl<T: Sought> Shared<T> {
    fn open(&self) -> Option<Vec<i64>> {
        self.state().open()
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

    #[test]
    fn those_that_come_out_of_order_do_not_hide_each_other() {
        let at_a_time = i64::try_from(AT_A_TIME).expect("a number");
        let numbers: Vec<i64> = (0..2 * at_a_time + 10).collect();
        let (mut settling, mut signing) = (State::<SettledPush>::default(), State::<SignedRecord>::default());
        settling.want(&numbers, &Arc::default());
        signing.want(&numbers, &Arc::default());
        let first: Vec<i64> = (0..at_a_time).collect();
        assert_eq!(settling.open(), Some(first.clone()));
        assert_eq!(settling.open(), Some((at_a_time..2 * at_a_time).collect()));
        let around: Vec<i64> = (2 * at_a_time..2 * at_a_time + 10).chain(0..at_a_time - 10).collect();
        assert_eq!(settling.open(), Some(around));
        assert_eq!(signing.open(), Some(first.clone()));
        assert_eq!(signing.open(), Some(first), "what comes in order is there from the first one on");
        settling.found(at_a_time - 5, SettledPush::Admitted { record: 1, hits: None });
        let next = settling.open().expect("some wait");
        assert_eq!(
            next[..6],
            [at_a_time - 10, at_a_time - 9, at_a_time - 8, at_a_time - 7, at_a_time - 6, at_a_time - 4]
        );
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
