//! What an operator counts, whatever kinds it reconciles; docs/reference/metrics.md lists it.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of reconcile durations, in seconds.
const DURATIONS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabel {
    verb: String,
}

/// The metrics of one operator process.
pub struct Metrics {
    reconcile_duration: Histogram,
    reconcile_errors: Family<ReasonLabel, Counter>,
    database_up: Gauge,
    leader: Gauge,
    requests: Family<VerbLabel, Counter>,
}

impl Metrics {
    /// Fresh metrics, shown by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self {
            reconcile_duration: Histogram::new(DURATIONS),
            reconcile_errors: Family::default(),
            database_up: Gauge::default(),
            leader: Gauge::default(),
            requests: Family::default(),
        };
        registry.register_with_unit(
            "reconcile_duration",
            "Duration of a reconcile",
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
        Arc::new(metrics)
    }

    pub(crate) fn reconciled(&self, duration: Duration) {
        self.reconcile_duration.observe(duration.as_secs_f64());
    }

    /// Counts a reconcile that failed; `reason` is the name of the error's variant.
    pub fn reconcile_failed(&self, reason: &'static str) {
        self.reconcile_errors.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn database_up(&self, up: bool) {
        self.database_up.set(i64::from(up));
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Counts a request to the API server.
    pub fn requested(&self, verb: &str) {
        self.requests.get_or_create(&VerbLabel { verb: verb.to_owned() }).inc();
    }
}
