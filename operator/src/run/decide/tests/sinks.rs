//! A run with sinks, or with somebody who is told of it, and its delivery.

use chancery_api::{SigningRun, SigningRunSpec, ValidatedRun};
use chancery_store::SinkProgress;
use k8s_openapi::jiff::SignedDuration;

use super::situation::{NOW, Situation, running};
use crate::run::decide::decision::{Effect, JobPlan};
use crate::run::facts::{JobView, PodState, PodView, SecretStanding, SecretView, SinksRead};

/// The Secret of the delivery.
const DELIVERY_SECRET: &str = "demo-delivery-0123456789";

pub(super) const POD: &str = "demo-delivery-abcde/uid";

pub(super) fn with_sinks() -> ValidatedRun {
    let spec = serde_json::json!({
        "recordCount": 1_000, "keyCount": 4, "batchSize": 100, "audit": "Never",
        "sinks": [{"name": "archive", "objects": {"url": "s3://archive"}}, {"name": "copy", "objects": {"url": "s3://copy"}}],
    });
    let spec: SigningRunSpec = serde_json::from_value(spec).expect("a spec");
    chancery_api::validate(&SigningRun::new("demo", spec)).expect("a good run")
}

fn sink(name: &str, delivered: i64, dead: i64) -> SinkProgress {
    SinkProgress {
        run_id: 1,
        name: name.to_owned(),
        delivered,
        dead,
        discarded: 0,
        failures: 0,
        unavailable_micros: None,
        last_error: None,
        manifest_pending: false,
        manifest_dead: false,
    }
}

fn away(name: &str, delivered: i64) -> SinkProgress {
    SinkProgress {
        failures: 3,
        unavailable_micros: Some(1_700_000_000_500_000),
        last_error: Some("the store does not answer".to_owned()),
        ..sink(name, delivered, 0)
    }
}

impl Situation {
    /// This one, of a run with two sinks, which have nothing yet.
    pub(crate) fn delivering(self, job: Option<JobView>) -> Self {
        let mut situation = Self { run: with_sinks(), ..self }.stored(|ledger| {
            ledger.sinks = Some(SinksRead {
                secret: Some(SecretView {
                    name: DELIVERY_SECRET.to_owned(),
                    content: "what is right".to_owned(),
                    standing: SecretStanding::Right,
                }),
                sinks: vec![sink("archive", 0, 0), sink("copy", 0, 0)],
                tells: false,
                untold: false,
                failure_told: None,
                open_holders: Vec::new(),
            });
        });
        situation.observed.delivery.job = job;
        situation
    }

    pub(crate) fn at_sinks(self, archive: (i64, i64), copy: (i64, i64)) -> Self {
        self.sinks(|sinks| {
            sinks.sinks = vec![sink("archive", archive.0, archive.1), sink("copy", copy.0, copy.1)];
        })
    }

    pub(crate) fn with_sink_away(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1] = away("copy", sinks.sinks[1].delivered))
    }

    /// Its sink that is away has been so for so long.
    pub(super) fn for_seconds(self, seconds: i64) -> Self {
        self.sinks(|sinks| {
            sinks.sinks[1].unavailable_micros =
                Some((NOW - SignedDuration::from_secs(seconds)).as_microsecond());
        })
    }

    /// So many dead letters of a sink were discarded.
    pub(crate) fn with_discarded(self, letters: i64) -> Self {
        self.sinks(|sinks| sinks.sinks[1].discarded = letters)
    }

    pub(crate) fn with_manifest_pending(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1].manifest_pending = true)
    }

    /// The manifest of a sink was given up.
    pub(crate) fn with_manifest_dead(self) -> Self {
        self.sinks(|sinks| sinks.sinks[1].manifest_dead = true)
    }

    /// As many sinks as there may be, each with a name and an error that are as long as they may be.
    pub(crate) fn with_eight_long_sinks(self) -> Self {
        self.sinks(|sinks| {
            let long = |number: usize| SinkProgress {
                delivered: 123_456_789,
                dead: 123_456_789,
                last_error: Some("🔏\u{1}".repeat(1_000)),
                ..away(&format!("{number}{}", "n".repeat(62)), 0)
            };
            sinks.sinks = (0..8).map(long).collect();
        })
    }

    /// With somebody who is told, and no sinks.
    pub(super) fn telling(self, job: Option<JobView>) -> Self {
        self.delivering(job).sinks(|sinks| (sinks.tells, sinks.sinks) = (true, Vec::new()))
    }

    pub(super) fn sinks(self, change: impl FnOnce(&mut SinksRead)) -> Self {
        self.stored(|ledger| change(ledger.sinks.as_mut().expect("a run with sinks")))
    }

    /// So many batches are signed.
    pub(super) fn with_signed(self, batches: i64) -> Self {
        self.stored(|ledger| {
            (ledger.counts.batches_signed, ledger.counts.records_signed) = (batches, batches * 100);
        })
    }

    /// Every record is signed, and the run waits for its sinks.
    pub(crate) fn only_delivered(job: Option<JobView>) -> Self {
        Self::seeded().with_signed(10).delivering(job)
    }

    pub(super) fn with_delivery_pod(mut self, state: PodState) -> Self {
        self.observed.delivery.pods.push(PodView { holder: POD.to_owned(), state, failed: false });
        self
    }
}

pub(super) fn delivery() -> JobView {
    JobView { secret: Some(DELIVERY_SECRET.to_owned()), ..running(1) }
}

pub(super) fn run_delivery(suspended: bool) -> Effect {
    Effect::EnsureDelivery(JobPlan { suspended, ..JobPlan::like(&delivery()) })
}
