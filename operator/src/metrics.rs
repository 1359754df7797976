//! What the operator counts; docs/metrics.md lists it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_api::Phase;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Every phase, so that one without runs is shown as 0.
const PHASES: [Phase; 6] =
    [Phase::Pending, Phase::Seeding, Phase::Signing, Phase::Suspended, Phase::Complete, Phase::Failed];

/// Upper bounds of reconcile durations, in seconds.
const DURATIONS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabel {
    verb: String,
}

/// The metrics of one operator process.
pub(crate) struct Metrics {
    records_signed: Counter,
    runs: Family<PhaseLabel, Gauge>,
    reconcile_duration: Histogram,
    reconcile_errors: Family<ReasonLabel, Counter>,
    database_up: Gauge,
    leader: Gauge,
    requests: Family<VerbLabel, Counter>,
    phases: Mutex<HashMap<String, Phase>>,
}

impl Metrics {
    /// Fresh metrics, in a registry that shows them.
    pub(crate) fn new() -> (Arc<Self>, Registry) {
        let metrics = Self {
            records_signed: Counter::<u64, AtomicU64>::default(),
            runs: Family::default(),
            reconcile_duration: Histogram::new(DURATIONS),
            reconcile_errors: Family::default(),
            database_up: Gauge::default(),
            leader: Gauge::default(),
            requests: Family::default(),
            phases: Mutex::default(),
        };
        let mut registry = Registry::with_prefix("chancery");
        registry.register(
            "records_signed",
            "Records signed while this operator led, by the ledger's count",
            metrics.records_signed.clone(),
        );
        registry.register("runs", "SigningRuns by phase, as this operator leads them", metrics.runs.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Time that a reconcile took",
            Unit::Seconds,
            metrics.reconcile_duration.clone(),
        );
        registry.register("reconcile_errors", "Reconciles that failed", metrics.reconcile_errors.clone());
        registry.register(
            "database_up",
            "Whether the ledger's database answers",
            metrics.database_up.clone(),
        );
        registry.register("leader", "Whether this operator leads", metrics.leader.clone());
        registry.register("kubernetes_requests", "Requests to the API server", metrics.requests.clone());
        metrics.show_phases();
        (Arc::new(metrics), registry)
    }

    pub(crate) fn signed(&self, records: u64) {
        self.records_signed.inc_by(records);
    }

    pub(crate) fn reconciled(&self, duration: Duration) {
        self.reconcile_duration.observe(duration.as_secs_f64());
    }

    pub(crate) fn reconcile_failed(&self, reason: &'static str) {
        self.reconcile_errors.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn database_up(&self, up: bool) {
        self.database_up.set(i64::from(up));
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            // The runs are another's now.
            self.lock().clear();
            self.show_phases();
        }
    }

    pub(crate) fn requested(&self, verb: &str) {
        self.requests.get_or_create(&VerbLabel { verb: verb.to_owned() }).inc();
    }

    /// The phase of a run, by its uid.
    pub(crate) fn phase(&self, uid: &str, phase: Phase) {
        if self.lock().insert(uid.to_owned(), phase) != Some(phase) {
            self.show_phases();
        }
    }

    /// A run is gone.
    pub(crate) fn gone(&self, uid: &str) {
        if self.lock().remove(uid).is_some() {
            self.show_phases();
        }
    }

    fn show_phases(&self) {
        let phases = self.lock();
        for phase in PHASES {
            let label = PhaseLabel { phase: format!("{phase:?}") };
            let count = phases.values().filter(|of| **of == phase).count();
            self.runs.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Phase>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Full names and types, as a query names them.
    fn shown() -> BTreeSet<(String, String)> {
        let (metrics, registry) = Metrics::new();
        metrics.reconcile_failed("Job");
        metrics.requested("GET");
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).expect("a page of metrics");
        page.lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| {
                let total = if kind == "counter" { "_total" } else { "" };
                (format!("{name}{total}"), kind.to_owned())
            })
            .collect()
    }

    /// Names and types of the table under a heading of docs/metrics.md.
    fn documented(heading: &str) -> BTreeSet<(String, String)> {
        let (_, section) = include_str!("../../docs/metrics.md").split_once(heading).expect("the section");
        let section = section.split("\n## ").next().expect("what follows the heading");
        section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .filter(|(name, _)| name.starts_with("chancery_"))
            .map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned()))
            .collect()
    }

    #[test]
    fn every_metric_is_documented_and_everything_documented_is_shown() {
        assert_eq!(shown(), documented("## Operator\n"));
    }

    #[test]
    fn runs_are_counted_by_phase_until_they_are_gone_or_anothers() {
        let (metrics, _registry) = Metrics::new();
        let count =
            |phase: Phase| metrics.runs.get_or_create(&PhaseLabel { phase: format!("{phase:?}") }).get();
        metrics.phase("one", Phase::Seeding);
        metrics.phase("two", Phase::Seeding);
        metrics.phase("one", Phase::Signing);
        assert_eq!((count(Phase::Seeding), count(Phase::Signing)), (1, 1));
        metrics.gone("two");
        assert_eq!(count(Phase::Seeding), 0);
        metrics.leads(false);
        assert_eq!(count(Phase::Signing), 0);
    }
}
