//! How far all unfinished runs are, read in one query for all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::{Ledger, Progress, Run, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::context::{RunRef, Shared};
use crate::triggers::Triggers;

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Over how long the rate of signing is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// The runs that are watched, by their uid.
pub(crate) struct ProgressWatch {
    runs: Mutex<HashMap<String, Followed>>,
    came: Notify,
    triggers: Triggers,
}

/// A run that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) run: Run,
    pub(crate) progress: Progress,
    reference: RunRef,
    samples: VecDeque<(Instant, i64)>,
}

impl Followed {
    /// Signatures stored per second, of late; none as long as there is too little to tell.
    pub(crate) fn rate(&self) -> Option<f64> {
        let (&(first, least), &(last, most)) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.duration_since(first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a run has far less than 2^52 records")]
        (seconds >= 0.5).then(|| (most - least) as f64 / seconds)
    }

    fn now_at(&mut self, progress: Progress, now: Instant) {
        self.samples.push_back((now, progress.records_signed));
        while self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.samples.pop_front();
        }
        self.progress = progress;
    }

    fn looks_like(&self, progress: &Progress) -> bool {
        let of = |progress: &Progress| {
            (
                progress.records_seeded,
                progress.keys_seeded,
                progress.records_signed,
                progress.batches_signed,
                progress.batches_leased,
                progress.keys_leased,
                (progress.suspended, progress.seeded, progress.complete, progress.deleted),
            )
        };
        of(&self.progress) == of(progress)
    }

    /// Whether the rate is still falling although nothing changes.
    fn is_slowing(&self) -> bool {
        self.samples.front().is_some_and(|(_, signed)| *signed != self.progress.records_signed)
    }
}

impl ProgressWatch {
    /// Watches nothing yet. `triggers` is told of each run that got on.
    pub(crate) fn new(triggers: Triggers) -> Self {
        Self { runs: Mutex::default(), came: Notify::new(), triggers }
    }

    /// How far a run is, as last seen; none if it is not watched.
    pub(crate) fn of(&self, uid: &str) -> Option<Followed> {
        self.lock().get(uid).cloned()
    }

    /// Reads how far a run is, and watches it from now on until it is complete.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses. A run that is gone is none.
    pub(crate) async fn look(
        &self,
        ledger: &Ledger,
        uid: &str,
        reference: &RunRef,
        run: Run,
    ) -> Result<Option<Followed>, StoreError> {
        let Some(progress) = ledger.progress(&[run.id]).await?.into_iter().next() else {
            self.forget(uid);
            return Ok(None);
        };
        let mut runs = self.lock();
        let followed = runs.entry(uid.to_owned()).or_insert_with(|| Followed {
            run: run.clone(),
            progress: progress.clone(),
            reference: reference.clone(),
            samples: VecDeque::new(),
        });
        followed.run = run;
        followed.now_at(progress, Instant::now());
        self.came.notify_one();
        Ok(Some(followed.clone()))
    }

    /// Watches a run no longer.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Watches, for ever. While nothing is unfinished, nothing is asked.
    pub(crate) async fn keep(&self, shared: &Shared) {
        loop {
            let ids = self.unfinished();
            if ids.is_empty() {
                self.came.notified().await;
                continue;
            }
            tokio::time::sleep(INTERVAL).await;
            let Ok(ledger) = shared.database.get() else { continue };
            match ledger.progress(&ids).await {
                Ok(all) => {
                    let signed = self.all_at(&ids, all);
                    shared.metrics.signed(signed);
                }
                Err(error) => {
                    tracing::debug!(%error, "no progress can be read");
                    shared.database.doubt(&error);
                }
            }
        }
    }

    fn unfinished(&self) -> Vec<i32> {
        self.lock()
            .values()
            .filter(|followed| !followed.progress.complete)
            .map(|followed| followed.run.id)
            .collect()
    }

    /// Takes over what was read of the runs that were asked for. Returns how many records were signed
    /// since the last time.
    fn all_at(&self, asked: &[i32], all: Vec<Progress>) -> u64 {
        let now = Instant::now();
        let mut signed = 0;
        let mut runs = self.lock();
        let mut all: HashMap<i32, Progress> =
            all.into_iter().map(|progress| (progress.id, progress)).collect();
        runs.retain(|_, followed| {
            let Some(progress) = all.remove(&followed.run.id) else {
                let gone = asked.contains(&followed.run.id);
                if gone {
                    self.triggers.wake(&followed.reference);
                }
                return !gone;
            };
            let changed = !followed.looks_like(&progress) || followed.is_slowing();
            signed += u64::try_from(progress.records_signed - followed.progress.records_signed).unwrap_or(0);
            followed.now_at(progress, now);
            if changed {
                self.triggers.wake(&followed.reference);
            }
            true
        });
        signed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Followed>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
