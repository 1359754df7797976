//! Alerts that policies raise about records are counted by rule, beside everything else and a run at a time: reconciles tell of
//! them, by one Event per rule, and not by one per record.
//!
//! What was told stands in `status.policy.alerts`. Records are admitted in order, and so are their alerts: the next leader leaves
//! out as many as that says, and tells the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chancery_store::policy::RuleAlerts;
use chancery_store::{Ledger, StoreError};
use tokio::time::Instant;

use crate::host::database::Database;
use crate::host::triggers::Triggers;
use crate::run::progress::ProgressWatch;
use crate::run::watched::Watched;

/// How often it is looked which runs have alerts that are not counted.
const INTERVAL: Duration = Duration::from_secs(1);

/// For how long those of one run gather, so that a flood of them is a few Events.
const GATHERED: Duration = Duration::from_secs(10);

/// The alerts of runs, by the runs' uids.
pub(crate) struct Alerts {
    runs: Mutex<HashMap<String, Known>>,
    triggers: Triggers<Watched>,
}

/// What is known of the alerts of a run.
#[derive(Debug, Default)]
struct Known {
    /// How many there are, those that were told by a former leader among them.
    counted: i64,
    /// The last record with one that was counted.
    record: i64,
    /// How many behind that were told by a former leader.
    told: i64,
    /// By rule, those that are not told yet.
    untold: BTreeMap<String, i64>,
    /// When they were counted last.
    looked: Option<Instant>,
}

/// The alerts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// How many there are.
    pub(crate) all: i64,
    /// By rule, those that are not told yet.
    pub(crate) untold: BTreeMap<String, i64>,
}

impl Alerts {
    /// Knows of none yet. `triggers` is told of each run that has some to tell.
    pub(crate) fn new(triggers: Triggers<Watched>) -> Self {
        Self { runs: Mutex::default(), triggers }
    }

    /// What is known of a run, of whose alerts so many were told when this operator first saw it.
    pub(crate) fn of(&self, uid: &str, told: i64) -> Raised {
        let mut runs = self.lock();
        let new = || Known { counted: told, told, ..Known::default() };
        let known = runs.entry(uid.to_owned()).or_insert_with(new);
        Raised { all: known.counted, untold: known.untold.clone() }
    }

    /// These were told.
    pub(crate) fn told(&self, uid: &str, raised: &Raised) {
        let mut runs = self.lock();
        let Some(known) = runs.get_mut(uid) else { return };
        for (rule, alerts) in &raised.untold {
            if let Some(untold) = known.untold.get_mut(rule) {
                *untold -= alerts;
            }
        }
        known.untold.retain(|_, untold| *untold > 0);
    }

    /// Forgets a run.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Counts them for as long as it is waited for. It may be stopped at any point.
    pub(crate) async fn keep(&self, database: &Database, progress: &ProgressWatch) {
        loop {
            // Why a database is away is said elsewhere.
            if let Ok(ledger) = database.get() {
                for (run, error) in self.count(&ledger, progress).await {
                    tracing::debug!(%error, run, "the alerts of a run cannot be counted; they are counted again");
                    database.check_after(&error);
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Counts those of each run that has more than are known. Returns what failed.
    async fn count(&self, ledger: &Ledger, progress: &ProgressWatch) -> Vec<(i32, StoreError)> {
        let mut failed = Vec::new();
        for (uid, followed) in progress.alerting() {
            let alerts = followed.progress.arrivals.map_or(0, |arrivals| arrivals.alerts);
            let Some((record, told)) = self.due(&uid, alerts, Instant::now()) else { continue };
            match ledger.alerts_after(&followed.run, record, told).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    self.add(&uid, found);
                    self.triggers.wake(followed.reference());
                }
                Err(error) => failed.push((followed.run.id, error)),
            }
        }
        failed
    }

    /// Behind which record to count those of a run that has so many, and how many to leave out.
    fn due(&self, uid: &str, alerts: i64, now: Instant) -> Option<(i64, i64)> {
        let mut runs = self.lock();
        let known = runs.get_mut(uid)?;
        let is_due = known.looked.is_none_or(|looked| now.duration_since(looked) >= GATHERED);
        if alerts <= known.counted || !is_due {
            return None;
        }
        known.looked = Some(now);
        Some((known.record, known.told))
    }

    fn add(&self, uid: &str, found: Vec<RuleAlerts>) {
        let mut runs = self.lock();
        let Some(known) = runs.get_mut(uid) else { return };
        known.told = 0;
        for RuleAlerts { rule, alerts, last_record } in found {
            known.counted += alerts;
            known.record = known.record.max(last_record);
            *known.untold.entry(rule).or_default() += alerts;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: &str, alerts: i64, last_record: i64) -> RuleAlerts {
        RuleAlerts { rule: rule.to_owned(), alerts, last_record }
    }

    fn raised(all: i64, untold: &[(&str, i64)]) -> Raised {
        Raised { all, untold: untold.iter().map(|(rule, alerts)| ((*rule).to_owned(), *alerts)).collect() }
    }

    #[test]
    fn they_gather_for_a_while_and_each_is_told_once() {
        let (alerts, began) = (Alerts::new(Triggers::default()), Instant::now());
        assert_eq!(alerts.due("run", 1, began), None, "nobody has looked at the run");
        assert_eq!(alerts.of("run", 0), Raised::default());
        assert_eq!(alerts.due("run", 0, began), None, "there are none");
        assert_eq!(alerts.due("run", 3, began), Some((0, 0)));
        alerts.add("run", vec![found("a", 2, 9), found("b", 1, 7)]);
        let first = alerts.of("run", 0);
        assert_eq!(first, raised(3, &[("a", 2), ("b", 1)]));
        assert_eq!(alerts.due("run", 9, began + GATHERED / 2), None, "it was looked at");
        assert_eq!(alerts.due("run", 3, began + GATHERED), None, "all are counted");
        assert_eq!(alerts.due("run", 4, began + GATHERED), Some((9, 0)));
        alerts.add("run", vec![found("a", 1, 12)]);
        alerts.told("run", &first);
        assert_eq!(alerts.of("run", 0), raised(4, &[("a", 1)]), "what came meanwhile is left");
    }

    #[test]
    fn what_a_former_leader_has_told_is_left_out() {
        let (alerts, began) = (Alerts::new(Triggers::default()), Instant::now());
        assert_eq!(alerts.of("run", 5), raised(5, &[]));
        assert_eq!(alerts.due("run", 5, began), None);
        assert_eq!(alerts.due("run", 6, began), Some((0, 5)));
        alerts.add("run", vec![found("a", 1, 30)]);
        assert_eq!(alerts.of("run", 5), raised(6, &[("a", 1)]));
        assert_eq!(alerts.due("run", 7, began + GATHERED), Some((30, 0)));
        alerts.forget("run");
        assert_eq!(alerts.of("run", 6), raised(6, &[]));
    }
}
