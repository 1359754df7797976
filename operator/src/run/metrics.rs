//! What the operator counts of SigningRuns; docs/reference/metrics.md lists it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_api::Phase;
use chancery_store::WrappedBy;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::run::too_far::TooFar;

/// As what a run is counted. One that only waits for what is pushed is in the phase `Signing`; counted as that, it could not be told
/// from one whose signers do not get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountedAs {
    In(Phase),
    Receiving,
}

impl CountedAs {
    /// All of them, so that one without runs is shown as 0.
    const ALL: [Self; 8] = [
        Self::In(Phase::Pending),
        Self::In(Phase::Seeding),
        Self::In(Phase::Signing),
        Self::Receiving,
        Self::In(Phase::Delivering),
        Self::In(Phase::Suspended),
        Self::In(Phase::Complete),
        Self::In(Phase::Failed),
    ];

    fn label(self) -> PhaseLabel {
        let phase = match self {
            Self::In(phase) => format!("{phase:?}"),
            Self::Receiving => "Receiving".to_owned(),
        };
        PhaseLabel { phase }
    }
}

impl From<Phase> for CountedAs {
    fn from(phase: Phase) -> Self {
        Self::In(phase)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KekLabel {
    kek: String,
    standing: &'static str,
}

impl OutcomeLabel {
    fn of(holds: Option<bool>) -> Self {
        let outcome = match holds {
            Some(true) => "held",
            Some(false) => "broken",
            None => "failed",
        };
        Self { outcome }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TooFarLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabel {
    // Not `namespace`: with the chart's monitors that is the operator's own, and Prometheus would rename this one.
    policy_namespace: String,
    policy: String,
    rule: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabel {
    outcome: &'static str,
}

/// What became of deliveries of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) delivered: u64,
    pub(crate) dead: u64,
}

/// What runs wait for at their sinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Signed batches that sinks are still to get.
    pub(crate) deliveries: i64,
    /// Sinks that cannot be reached.
    pub(crate) sinks: i64,
}

/// The metrics of SigningRuns.
pub struct RunMetrics {
    sessions_ended: Family<TooFarLabel, Counter>,
    audits: Family<OutcomeLabel, Counter>,
    records_signed: Counter,
    runs: Family<PhaseLabel, Gauge>,
    data_keys: Family<KekLabel, Gauge>,
    policy_alerts: Family<RuleLabel, Counter>,
    deliveries: Family<DeliveryLabel, Counter>,
    deliveries_pending: Gauge,
    sinks_unavailable: Gauge,
    phases: Mutex<HashMap<String, CountedAs>>,
}

impl RunMetrics {
    /// Fresh metrics, shown by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Arc<Self> {
        let metrics = Self {
            sessions_ended: Family::default(),
            audits: Family::default(),
            records_signed: Counter::<u64, AtomicU64>::default(),
            runs: Family::default(),
            data_keys: Family::default(),
            policy_alerts: Family::default(),
            deliveries: Family::default(),
            deliveries_pending: Gauge::default(),
            sinks_unavailable: Gauge::default(),
            phases: Mutex::default(),
        };
        registry.register(
            "records_signed",
            "Records signed while this operator led, by the ledger's count",
            metrics.records_signed.clone(),
        );
        registry.register(
            "audits",
            "Audits of complete runs, by what came of them: held, broken or failed",
            metrics.audits.clone(),
        );
        // So that a rule sees the first that is broken: a counter that begins at 1 has not risen.
        for outcome in [Some(true), Some(false), None] {
            drop(metrics.audits.get_or_create(&OutcomeLabel::of(outcome)));
        }
        registry.register(
            "sessions_ended",
            "Sessions of runs' and gateways' logins that the operator ended because they held others up, by a ring's turn or a transaction, or leased and never signed",
            metrics.sessions_ended.clone(),
        );
        for why in [TooFar::Turn, TooFar::Transaction, TooFar::Leases] {
            drop(metrics.sessions_ended.get_or_create(&TooFarLabel { reason: why.label() }));
        }
        registry.register("runs", "SigningRuns by phase, and Receiving those that wait for what is pushed, while this operator leads", metrics.runs.clone());
        registry.register(
            "data_keys",
            "Keyrings by the KEK that has wrapped their data key: current, former or unknown, while this operator leads",
            metrics.data_keys.clone(),
        );
        registry.register(
            "policy_alerts",
            "Alerts that rules of policies raised about records, as far as this operator has told of them",
            metrics.policy_alerts.clone(),
        );
        metrics.register_deliveries(registry);
        metrics.show_phases();
        Arc::new(metrics)
    }

    fn register_deliveries(&self, registry: &mut Registry) {
        registry.register(
            "deliveries",
            "Batches that came to a sink, or were given up there, while this operator led, by the ledger's count: delivered or dead",
            self.deliveries.clone(),
        );
        for outcome in ["delivered", "dead"] {
            drop(self.deliveries.get_or_create(&DeliveryLabel { outcome }));
        }
        registry.register(
            "deliveries_pending",
            "Signed batches that sinks are still to get, while this operator leads",
            self.deliveries_pending.clone(),
        );
        registry.register(
            "sinks_unavailable",
            "Sinks of runs that cannot be reached, while this operator leads",
            self.sinks_unavailable.clone(),
        );
    }

    /// What became of deliveries since this was last said.
    pub(crate) fn delivered(&self, Delivered { delivered, dead }: Delivered) {
        for (outcome, batches) in [("delivered", delivered), ("dead", dead)] {
            self.deliveries.get_or_create(&DeliveryLabel { outcome }).inc_by(batches);
        }
    }

    /// What runs wait for at their sinks.
    pub(crate) fn waiting(&self, Waiting { deliveries, sinks }: Waiting) {
        self.deliveries_pending.set(deliveries);
        self.sinks_unavailable.set(sinks);
    }

    /// An audit was made, and every law holds or does not; or it could not be made.
    pub(crate) fn audited(&self, holds: Option<bool>) {
        self.audits.get_or_create(&OutcomeLabel::of(holds)).inc();
    }

    /// A session of a run's or a gateway's login was ended.
    pub(crate) fn session_ended(&self, why: TooFar) {
        self.sessions_ended.get_or_create(&TooFarLabel { reason: why.label() }).inc();
    }

    pub(crate) fn signed(&self, records: u64) {
        self.records_signed.inc_by(records);
    }

    /// As what a run is counted, by its uid.
    pub(crate) fn phase(&self, uid: &str, counted: impl Into<CountedAs>) {
        let counted = counted.into();
        if self.lock().insert(uid.to_owned(), counted) != Some(counted) {
            self.show_phases();
        }
    }

    /// A run is gone.
    pub(crate) fn gone(&self, uid: &str) {
        if self.lock().remove(uid).is_some() {
            self.show_phases();
        }
    }

    /// A rule of a policy has raised so many alerts.
    pub fn alerted(&self, namespace: &str, policy: &str, rule: &str, alerts: i64) {
        let label = RuleLabel {
            policy_namespace: namespace.to_owned(),
            policy: policy.to_owned(),
            rule: rule.to_owned(),
        };
        self.policy_alerts.get_or_create(&label).inc_by(u64::try_from(alerts).unwrap_or(0));
    }

    /// Which KEKs have wrapped the data keys of how many keyrings. `at_hand` are the operator's own, the current one first.
    pub fn data_keys(&self, at_hand: &[String], found: &[WrappedBy]) {
        self.data_keys.clear();
        for kek in at_hand.iter().take(1) {
            self.data_keys.get_or_create(&KekLabel { kek: kek.clone(), standing: "current" }).set(0);
        }
        for WrappedBy { kek_fingerprint: kek, keyrings } in found {
            let standing = match at_hand.iter().position(|known| known == kek) {
                Some(0) => "current",
                Some(_) => "former",
                None => "unknown",
            };
            self.data_keys.get_or_create(&KekLabel { kek: kek.clone(), standing }).set(*keyrings);
        }
    }

    /// This operator no longer leads: another one counts the runs.
    pub(crate) fn no_longer_leads(&self) {
        self.data_keys.clear();
        self.waiting(Waiting::default());
        self.lock().clear();
        self.show_phases();
    }

    fn show_phases(&self) {
        let phases = self.lock();
        for counted in CountedAs::ALL {
            let count = phases.values().filter(|of| **of == counted).count();
            self.runs.get_or_create(&counted.label()).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, CountedAs>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_phase_until_they_are_gone_or_another_operator_leads() {
        let metrics = RunMetrics::new(&mut Registry::default());
        let count = |phase: Phase| metrics.runs.get_or_create(&CountedAs::In(phase).label()).get();
        metrics.phase("one", Phase::Seeding);
        metrics.phase("two", Phase::Seeding);
        metrics.phase("one", Phase::Signing);
        metrics.waiting(Waiting { deliveries: 5, sinks: 1 });
        assert_eq!((count(Phase::Seeding), count(Phase::Signing)), (1, 1));
        metrics.gone("two");
        assert_eq!(count(Phase::Seeding), 0);
        metrics.no_longer_leads();
        assert_eq!(count(Phase::Signing), 0);
        assert_eq!((metrics.deliveries_pending.get(), metrics.sinks_unavailable.get()), (0, 0));
    }

    #[test]
    fn data_keys_are_counted_by_the_kek_that_has_wrapped_them() {
        let mut registry = Registry::default();
        let metrics = RunMetrics::new(&mut registry);
        let by = |kek: &str, keyrings| WrappedBy { kek_fingerprint: kek.to_owned(), keyrings };
        let shown = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
            let mut lines: Vec<_> =
                text.lines().filter(|line| line.starts_with("data_keys{")).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let at_hand = ["new".to_owned(), "old".to_owned()];
        metrics.data_keys(&at_hand, &[by("lost", 1), by("old", 3)]);
        assert_eq!(
            shown(),
            [
                "data_keys{kek=\"lost\",standing=\"unknown\"} 1",
                "data_keys{kek=\"new\",standing=\"current\"} 0",
                "data_keys{kek=\"old\",standing=\"former\"} 3",
            ]
        );
        metrics.data_keys(&at_hand[..1], &[by("new", 3)]);
        assert_eq!(shown(), ["data_keys{kek=\"new\",standing=\"current\"} 3"]);
    }
}
