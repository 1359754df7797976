//! What a signer counts. `docs/reference/metrics.md` tells what each is for.
//!
//! Everything is counted by the batch or the key, nothing by the record.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What became of a batch that was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Its signatures are in the ledger.
    Stored,
    /// It was given back unsigned, because the signer was asked to stop or had no time left.
    GivenBack,
    /// The lease ran out, and another signer has taken the batch over.
    Lost,
    /// Something failed on the way.
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Stored, Self::GivenBack, Self::Lost, Self::Failed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::GivenBack => "given_back",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.name().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: Outcome,
}

/// The counts of one signer. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    records_signed: Counter,
    batches: Family<Ended, Counter>,
    batch_duration: Histogram,
    lease_wait: Histogram,
    takeovers: Counter,
    keys_made: Counter,
}

impl Metrics {
    /// Counts from nothing, shown by `registry`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            records_signed: Counter::default(),
            batches: Family::default(),
            // 5 ms to 2.7 min.
            batch_duration: Histogram::new(exponential_buckets(0.005, 2.0, 16)),
            // 1 ms to 33 s.
            lease_wait: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            takeovers: Counter::default(),
            keys_made: Counter::default(),
        };
        // A count that appears with its first event has no rate for it.
        for outcome in Outcome::ALL {
            let _shown = metrics.batches.get_or_create(&Ended { outcome });
        }
        let Self { records_signed, batches, batch_duration, lease_wait, takeovers, keys_made } =
            metrics.clone();
        registry.register(
            "chancery_records_signed",
            "Records whose signatures this signer has stored",
            records_signed,
        );
        registry.register(
            "chancery_batches",
            "Batches leased by this signer, by what became of them",
            batches,
        );
        registry.register_with_unit(
            "chancery_batch_duration",
            "From asking for the lease of a batch to having stored its signatures",
            Unit::Seconds,
            batch_duration,
        );
        registry.register_with_unit(
            "chancery_lease_wait",
            "From being free for a batch to having the lease of one",
            Unit::Seconds,
            lease_wait,
        );
        registry.register(
            "chancery_lease_takeovers",
            "Leases of other signers that had run out, taken back by this signer",
            takeovers,
        );
        registry.register(
            "chancery_keys_made",
            "Keys that this signer has made and added to the ring of its run",
            keys_made,
        );
        metrics
    }

    /// A lease was granted.
    pub(crate) fn leased(&self, waited: Duration) {
        self.lease_wait.observe(waited.as_secs_f64());
    }

    /// Leases of others had run out and were taken back.
    pub(crate) fn took_over(&self, leases: i32) {
        self.takeovers.inc_by(u64::from(leases.unsigned_abs()));
    }

    /// A key was made, and is in the ring.
    pub(crate) fn made_key(&self) {
        self.keys_made.inc();
    }

    /// A batch was signed and stored.
    pub(crate) fn stored(&self, records: u64, took: Duration) {
        self.ended(Outcome::Stored);
        self.records_signed.inc_by(records);
        self.batch_duration.observe(took.as_secs_f64());
    }

    /// A batch ended, one way or another.
    pub(crate) fn ended(&self, outcome: Outcome) {
        self.batches.get_or_create(&Ended { outcome }).inc();
    }

    /// Batches that ended so.
    pub(crate) fn batches(&self, outcome: Outcome) -> u64 {
        self.batches.get_or_create(&Ended { outcome }).get()
    }

    /// Records signed and stored.
    pub(crate) fn records(&self) -> u64 {
        self.records_signed.get()
    }

    /// Keys made.
    pub(crate) fn keys(&self) -> u64 {
        self.keys_made.get()
    }

    /// Leases taken back.
    pub(crate) fn takeovers(&self) -> u64 {
        self.takeovers.get()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn page(registry: &Registry) -> String {
        let mut page = String::new();
        encode(&mut page, registry).expect("memory takes any text");
        page
    }

    #[test]
    fn every_outcome_is_shown_before_it_has_happened() {
        let mut registry = Registry::default();
        let _metrics = Metrics::new(&mut registry);
        let page = page(&registry);
        for outcome in Outcome::ALL {
            let line = format!("chancery_batches_total{{outcome=\"{}\"}} 0\n", outcome.name());
            assert!(page.contains(&line), "{line} in {page}");
        }
        assert!(page.contains("chancery_records_signed_total 0\n"), "{page}");
    }

    #[test]
    fn a_stored_batch_counts_its_records_and_its_time() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        metrics.leased(Duration::from_millis(3));
        metrics.stored(100, Duration::from_millis(40));
        metrics.ended(Outcome::Lost);
        metrics.took_over(2);
        metrics.made_key();
        let page = page(&registry);
        for line in [
            "chancery_records_signed_total 100\n",
            "chancery_batches_total{outcome=\"stored\"} 1\n",
            "chancery_batches_total{outcome=\"lost\"} 1\n",
            "chancery_batch_duration_seconds_count 1\n",
            "chancery_batch_duration_seconds_bucket{le=\"0.04\"} 1\n",
            "chancery_batch_duration_seconds_bucket{le=\"0.02\"} 0\n",
            "chancery_lease_wait_seconds_count 1\n",
            "chancery_lease_takeovers_total 2\n",
            "chancery_keys_made_total 1\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
    }
}
