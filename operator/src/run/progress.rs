//! The progress of all unfinished runs, read in one query for all of them; and what holds those up that stand still,
//! read in one more.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::standstill::{Standstill, Stillness};
use chancery_store::{Ledger, OpenLease, Progress, Run, SinkProgress, StoreError};
use k8s_openapi::jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::host::database::Database;
use crate::host::triggers::Triggers;
use crate::run::metrics::{Delivered, RunMetrics, Waiting};
use crate::run::pace::Pace;
use crate::run::standing::Standing;
use crate::run::watched::{RunRef, Watched};

/// How often the progress is read.
const INTERVAL: Duration = Duration::from_secs(1);

/// The runs that are watched, by their uid.
pub(crate) struct ProgressWatch {
    runs: Mutex<HashMap<String, Followed>>,
    /// What is not counted by the metrics yet.
    uncounted: Mutex<Advance>,
    came: Notify,
    triggers: Triggers<Watched>,
}

/// By how much runs got further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Advance {
    signed: u64,
    delivered: Delivered,
}

impl std::ops::AddAssign for Advance {
    fn add_assign(&mut self, Self { signed, delivered: Delivered { delivered, dead } }: Self) {
        self.signed += signed;
        self.delivered.delivered += delivered;
        self.delivered.dead += dead;
    }
}

/// A run that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) run: Run,
    pub(crate) progress: Progress,
    /// How far its sinks are, in the order of the manifest.
    pub(crate) sinks: Vec<SinkProgress>,
    /// What held it up when that was looked for last.
    pub(crate) standing: Option<Standing>,
    reference: RunRef,
    pace: Pace,
    stillness: Stillness,
    /// The most records that were read to be signed, and the most batches of each sink to be delivered.
    most: (i64, Vec<i64>),
}

impl Followed {
    /// A run of which nothing was read before.
    pub(crate) fn new(run: Run, reference: &RunRef, progress: &Progress, now: Instant) -> Self {
        Self {
            run,
            progress: progress.clone(),
            sinks: Vec::new(),
            standing: None,
            reference: reference.clone(),
            pace: Pace::new(progress.records_signed),
            stillness: Stillness::new(progress, now.into_std()),
            most: (progress.records_signed, Vec::new()),
        }
    }

    /// For how long nothing was signed, although something could be.
    pub(crate) fn still_for(&self, now: Instant) -> Duration {
        self.stillness.lasts(now.into_std())
    }

    /// Whether to look for what holds it up: nothing was signed for a while, and leases are open that may tell.
    fn stands_still(&self, now: Instant) -> bool {
        self.stillness.is_standstill(now.into_std()) && self.progress.keys_leased > 0
    }

    /// The run as an object.
    pub(crate) const fn reference(&self) -> &RunRef {
        &self.reference
    }

    /// Signatures stored per second of late, once that is known.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.pace.rate()
    }

    /// Adds what was read `now`, or before what was added last. Returns by how much the run got further, as far as that was not returned
    /// before.
    fn add(&mut self, Read { progress, sinks }: Read, now: Instant) -> Advance {
        let advance = self.advance(&progress, &sinks);
        self.sinks = sinks;
        self.pace.look(progress.records_signed, progress.suspended, now);
        self.stillness.look(&progress, now.into_std());
        self.progress = progress;
        if !self.stands_still(now) {
            self.standing = None;
        }
        advance
    }

    /// Neither number ever falls. What is dead may be taken up again, and die once more.
    fn advance(&mut self, progress: &Progress, sinks: &[SinkProgress]) -> Advance {
        let (signed, delivered) = &mut self.most;
        let mut advance = Advance { signed: raise(signed, progress.records_signed), ..Advance::default() };
        if delivered.len() == sinks.len() {
            for (most, sink) in delivered.iter_mut().zip(sinks) {
                advance.delivered.delivered += raise(most, sink.delivered);
            }
            for (before, sink) in self.sinks.iter().zip(sinks) {
                advance.delivered.dead += u64::try_from(sink.dead - before.dead).unwrap_or(0);
            }
        } else {
            // The first time that they are read.
            *delivered = sinks.iter().map(|sink| sink.delivered).collect();
        }
        advance
    }

    /// Takes up what holds it up, by the leases of its ring. False if that is nothing new.
    fn explain(&mut self, leases: &[OpenLease], now: Timestamp) -> bool {
        let found = Standstill::of(&self.progress, leases).map(|why| Standing::new(why, now));
        let is_known = match (&self.standing, &found) {
            (None, None) => true,
            (Some(known), Some(found)) => known.tells_the_same(found),
            _ => false,
        };
        if !is_known {
            self.standing = found;
        }
        !is_known
    }

    /// What is known of the run once this was read as well.
    pub(crate) fn with(mut self, read: Read, now: Instant) -> Self {
        // It is counted when it is followed.
        let _counted_later = self.add(read, now);
        self
    }

    /// Whether some sink has not all of its batches yet that are signed, or not its manifest.
    fn is_behind(&self) -> bool {
        let signed = self.progress.batches_signed;
        self.sinks.iter().any(|sink| sink.delivered + sink.dead < signed || sink.manifest_pending)
    }

    /// Whether some sink has dead letters that nobody has discarded.
    fn has_dead(&self) -> bool {
        self.sinks.iter().any(|sink| sink.dead > sink.discarded)
    }

    fn looks_like(&self, Read { progress, sinks }: &Read) -> bool {
        let of = |progress: &Progress| {
            (
                (progress.record_count, progress.records_admitted, progress.records_signed),
                (progress.batches_closed, progress.batches_signed, progress.batches_leased),
                (progress.keys_joined, progress.keys_leased),
                (progress.filled, progress.sealed, progress.complete),
                (progress.suspended, progress.deleted, progress.arrivals, progress.too_many_dead),
                (progress.kek_fingerprint.clone(), progress.secret()),
                (progress.intake_secret(), progress.delivery_secret()),
            )
        };
        of(&self.progress) == of(progress) && self.sinks == *sinks
    }
}

/// Raises the greatest number that was read. Returns by how much.
fn raise(most: &mut i64, read: i64) -> u64 {
    let more = u64::try_from(read - *most).unwrap_or(0);
    *most = read.max(*most);
    more
}

/// How far a run is, and its sinks are.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) progress: Progress,
    /// In the order of the manifest.
    pub(crate) sinks: Vec<SinkProgress>,
}

impl Read {
    /// Of one run; none if it is gone.
    pub(crate) async fn of(ledger: &Ledger, run: &Run) -> Result<Option<Self>, StoreError> {
        let Some(progress) = ledger.progress(&[run.id]).await?.into_iter().next() else { return Ok(None) };
        // Of most runs there is nothing to ask.
        let sinks =
            if run.sinks.0.is_empty() { Vec::new() } else { ledger.sinks_progress(&[run.id]).await? };
        Ok(Some(Self { progress, sinks }))
    }
}

impl ProgressWatch {
    /// Watches nothing yet. `triggers` is told of each run that made progress.
    pub(crate) fn new(triggers: Triggers<Watched>) -> Self {
        Self { runs: Mutex::default(), uncounted: Mutex::default(), came: Notify::new(), triggers }
    }

    /// The progress of a run, as last read; none if it is not watched.
    pub(crate) fn of(&self, uid: &str) -> Option<Followed> {
        self.lock().get(uid).cloned()
    }

    /// Reads the progress of a run, and watches it from now on until it is complete.
    ///
    /// # Errors
    ///
    /// The database is down or refuses. A run that is gone is no error: it is no longer watched.
    pub(crate) async fn read(
        &self,
        ledger: &Ledger,
        uid: &str,
        reference: &RunRef,
        run: Run,
    ) -> Result<(), StoreError> {
        match Read::of(ledger, &run).await? {
            Some(read) => self.follow(uid, reference, run, read),
            None => self.forget(uid),
        }
        self.explain(ledger).await
    }

    /// Watches a run, of which this was read just now, until it is complete.
    pub(crate) fn follow(&self, uid: &str, reference: &RunRef, run: Run, read: Read) {
        let now = Instant::now();
        let mut runs = self.lock();
        let followed = runs
            .entry(uid.to_owned())
            .or_insert_with(|| Followed::new(run.clone(), reference, &read.progress, now));
        followed.run = run;
        let advance = followed.add(read, now);
        drop(runs);
        *self.uncounted() += advance;
        self.came.notify_one();
    }

    /// What of the runs that are chosen is still to come, in bytes of the database.
    pub(crate) fn bytes_to_come(&self, chosen: impl Fn(&str, &Progress) -> bool) -> i64 {
        let runs = self.lock();
        let progress = runs.iter().map(|(uid, followed)| (uid.as_str(), &followed.progress));
        progress
            .filter(|(uid, progress)| !progress.deleted && chosen(uid, progress))
            .fold(0_i64, |sum, (_, progress)| sum.saturating_add(progress.bytes_to_come))
    }

    /// The runs to which programs may push now.
    pub(crate) fn receiving(&self) -> Vec<Run> {
        let takes_in = |progress: &Progress| !progress.sealed && !progress.deleted;
        let is_pushed = |run: &Run| run.input.sources().is_some_and(|sources| sources.pushed().is_some());
        let runs = self.lock();
        let found = runs.values().filter(|followed| takes_in(&followed.progress) && is_pushed(&followed.run));
        found.map(|followed| followed.run.clone()).collect()
    }

    /// The runs of which a policy has raised alerts, by their uids.
    pub(crate) fn alerting(&self) -> Vec<(String, Followed)> {
        let has_some = |progress: &Progress| {
            !progress.deleted && progress.arrivals.is_some_and(|arrivals| arrivals.alerts > 0)
        };
        let runs = self.lock();
        let found = runs.iter().filter(|(_, followed)| has_some(&followed.progress));
        found.map(|(uid, followed)| (uid.clone(), followed.clone())).collect()
    }

    /// Stops watching a run.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Whether there are complete runs with sinks.
    pub(crate) fn has_delivered(&self) -> bool {
        self.lock().values().any(|followed| followed.progress.complete && !followed.sinks.is_empty())
    }

    /// Looks for complete runs of which something is to be delivered all the same, and watches them until it is; and whether dead letters
    /// of complete runs were discarded since.
    ///
    /// # Errors
    ///
    /// The database is down or refuses.
    pub(crate) async fn look_again(&self, ledger: &Ledger) -> Result<(), StoreError> {
        let again = ledger.runs_delivering_again().await?;
        let is_one = |followed: &Followed| followed.progress.complete && again.contains(&followed.run.id);
        let unknown: Vec<i32> = {
            let runs = self.lock();
            let found = runs.values().filter(|followed| {
                is_one(followed) && !followed.is_behind() || followed.progress.complete && followed.has_dead()
            });
            found.map(|followed| followed.run.id).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let all = ledger.progress(&unknown).await?;
        let sinks = ledger.sinks_progress(&unknown).await?;
        self.add_all(&unknown, all, sinks);
        self.came.notify_one();
        Ok(())
    }

    /// What is told of the sinks of all runs.
    fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        for followed in self.lock().values().filter(|followed| !followed.progress.deleted) {
            let signed = followed.progress.batches_signed;
            for sink in &followed.sinks {
                waiting.deliveries += (signed - sink.delivered - sink.dead).max(0);
                waiting.sinks += i64::from(sink.unavailable_micros.is_some());
            }
        }
        waiting
    }

    /// Reads the progress once per second, for ever. While every run is complete, and nothing is to be delivered, nothing is read.
    pub(crate) async fn keep(&self, database: &Database, metrics: &RunMetrics) {
        loop {
            metrics.waiting(self.waiting());
            self.count(metrics);
            let (ids, with_sinks) = self.unfinished();
            if ids.is_empty() {
                self.came.notified().await;
                continue;
            }
            tokio::time::sleep(INTERVAL).await;
            let Ok(ledger) = database.get() else { continue };
            let read = async {
                let all = ledger.progress(&ids).await?;
                let sinks = if with_sinks.is_empty() {
                    Vec::new()
                } else {
                    ledger.sinks_progress(&with_sinks).await?
                };
                self.add_all(&ids, all, sinks);
                self.count(metrics);
                self.explain(&ledger).await
            };
            match read.await {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "the progress of the runs cannot be read; it is read again in a second");
                    database.check_after(&error);
                }
            }
        }
    }

    /// The runs that are under way, and those of them that have sinks.
    fn unfinished(&self) -> (Vec<i32>, Vec<i32>) {
        let runs = self.lock();
        let ids = |chosen: fn(&Followed) -> bool| {
            let unfinished =
                runs.values().filter(|followed| !followed.progress.complete || followed.is_behind());
            unfinished.filter(|followed| chosen(followed)).map(|followed| followed.run.id).collect()
        };
        (ids(|_| true), ids(|followed| !followed.run.sinks.0.is_empty()))
    }

    /// Has the metrics count by how much runs got further, whoever read it: a reconcile reads for itself, too.
    fn count(&self, metrics: &RunMetrics) {
        let Advance { signed, delivered } = std::mem::take(&mut *self.uncounted());
        metrics.signed(signed);
        metrics.delivered(delivered);
    }

    /// Adds what was read of the runs that were asked for.
    fn add_all(&self, asked: &[i32], all: Vec<Progress>, sinks: Vec<SinkProgress>) {
        let now = Instant::now();
        let mut advance = Advance::default();
        let mut sinks_of: HashMap<i32, Vec<SinkProgress>> = HashMap::new();
        for sink in sinks {
            sinks_of.entry(sink.run_id).or_default().push(sink);
        }
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
            let read = Read { progress, sinks: sinks_of.remove(&followed.run.id).unwrap_or_default() };
            let changed = !followed.looks_like(&read) || followed.pace.is_slowing();
            advance += followed.add(read, now);
            if changed {
                self.triggers.wake(&followed.reference);
            }
            true
        });
        drop(runs);
        *self.uncounted() += advance;
    }

    /// Looks for what holds up the runs that stand still, by the leases of their rings.
    async fn explain(&self, ledger: &Ledger) -> Result<(), StoreError> {
        let now = Instant::now();
        // One run per ring tells of all its leases.
        let rings: BTreeMap<i32, i32> = self
            .lock()
            .values()
            .filter(|followed| followed.stands_still(now))
            .map(|followed| (followed.run.keyring.id, followed.run.id))
            .collect();
        if rings.is_empty() {
            return Ok(());
        }
        let runs: Vec<i32> = rings.values().copied().collect();
        let mut leases: HashMap<i32, Vec<OpenLease>> = rings.keys().map(|ring| (*ring, Vec::new())).collect();
        for lease in ledger.open_leases(&runs).await? {
            leases.entry(lease.keyring).or_default().push(lease);
        }
        let time = Timestamp::now();
        for followed in self.lock().values_mut().filter(|followed| followed.stands_still(now)) {
            // One that began to stand still meanwhile is looked at in a second.
            let Some(leases) = leases.get(&followed.run.keyring.id) else { continue };
            if followed.explain(leases, time) {
                self.triggers.wake(&followed.reference);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Followed>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uncounted(&self) -> MutexGuard<'_, Advance> {
        self.uncounted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
