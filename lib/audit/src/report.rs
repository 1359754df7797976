//! What an audit found.

use chancery_process::grouped;
use chancery_store::audit::Stray;
use chancery_store::{Input, Keyring, Run};
use serde::Serialize;

/// A law that an audit checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Law {
    /// 1: each record has exactly one signature.
    EveryRecordOnce,
    /// 2: each signature verifies over the stored payload.
    TrueSignatures,
    /// 3: all records of a batch carry one key; every batch but the last is full.
    OneKeyABatch,
    /// 4: a key is in the hands of at most one signer at any instant.
    NoSharedKey,
    /// 5: each lease took the least recently used of the free keys.
    LeastRecentlyUsed,
    /// 7: each arrival is in exactly one state, and the counts add up.
    EveryArrival,
    /// 8: each signed batch is delivered to each sink, or a dead letter.
    EveryDelivery,
}

impl Law {
    /// All that an audit checks, in order. Law 6 is about what comes to be, and leaves no trace of its own.
    pub const ALL: [Self; 7] = [
        Self::EveryRecordOnce,
        Self::TrueSignatures,
        Self::OneKeyABatch,
        Self::NoSharedKey,
        Self::LeastRecentlyUsed,
        Self::EveryArrival,
        Self::EveryDelivery,
    ];

    /// Those of a run whose records are generated.
    pub const OF_GENERATED: [Self; 5] = [
        Self::EveryRecordOnce,
        Self::TrueSignatures,
        Self::OneKeyABatch,
        Self::NoSharedKey,
        Self::LeastRecentlyUsed,
    ];

    /// Those of a ring, over all runs that sign with it.
    pub const OF_KEYRING: [Self; 2] = [Self::NoSharedKey, Self::LeastRecentlyUsed];

    /// The law's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::EveryRecordOnce => 1,
            Self::TrueSignatures => 2,
            Self::OneKeyABatch => 3,
            Self::NoSharedKey => 4,
            Self::LeastRecentlyUsed => 5,
            Self::EveryArrival => 7,
            Self::EveryDelivery => 8,
        }
    }

    /// The law in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::EveryRecordOnce => "every record, once",
            Self::TrueSignatures => "true signatures",
            Self::OneKeyABatch => "one key a batch",
            Self::NoSharedKey => "no shared key",
            Self::LeastRecentlyUsed => "least recently used",
            Self::EveryArrival => "every arrival accounted for",
            Self::EveryDelivery => "every signed record delivered",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// What was found about one law.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LawReport {
    /// The law.
    pub law: Law,
    /// What was looked at: "100,000 records, 100,000 signatures".
    pub counted: String,
    /// How many violations there are.
    pub violations: u64,
    /// The first of them in words.
    pub first: Vec<String>,
}

/// What was found about a run and its ring, or about a ring.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The run, as `NAMESPACE/NAME`; none in the report of a ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The ring, as `NAMESPACE/NAME`; none if it is the run's own, without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
    /// The laws that were checked, in order: 1 to 5 of a run, 7 of one with sources, and 8 of one with sinks; 4 and 5 of a ring.
    pub laws: Vec<LawReport>,
}

impl Report {
    /// Of a run and its ring of `keys` keys.
    pub(crate) fn of_run(run: &Run, keys: usize, findings: Findings) -> Self {
        Self {
            run: Some(format!("{}/{}", run.namespace, run.name)),
            keyring: run.keyring.name.is_some().then(|| run.keyring.full_name()),
            laws: {
                let mut laws = Law::OF_GENERATED.to_vec();
                if let Input::Sources(_) = run.input {
                    laws.push(Law::EveryArrival);
                }
                // Of a run that has none, there must be no delivery and no event either.
                if !run.sinks.0.is_empty()
                    || !run.notifications.0.is_empty()
                    || findings.breaks(Law::EveryDelivery)
                {
                    laws.push(Law::EveryDelivery);
                }
                findings.of_laws(&laws, keys, run.batch_size)
            },
        }
    }

    /// Of a ring of `keys` keys.
    pub(crate) fn of_keyring(keyring: &Keyring, keys: usize, findings: Findings) -> Self {
        Self {
            run: None,
            keyring: Some(keyring.full_name()),
            laws: findings.of_laws(&Law::OF_KEYRING, keys, 0),
        }
    }

    /// Whether every law holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.laws.iter().all(|law| law.violations == 0)
    }
}

/// How much was looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) signatures: u64,
    pub(crate) verified: u64,
    pub(crate) batches: u64,
    pub(crate) leases: u64,
    pub(crate) choices: u64,
    pub(crate) arrivals: u64,
    pub(crate) judged: u64,
    pub(crate) deliveries: u64,
    pub(crate) events: u64,
}

impl Counts {
    fn in_words(&self, law: Law, keys: usize, batch_size: i64) -> String {
        let keys = grouped(keys as u64);
        match law {
            Law::EveryRecordOnce => {
                format!("{} records, {} signatures", grouped(self.records), grouped(self.signatures))
            }
            Law::TrueSignatures => format!("{} signatures verified with {keys} keys", grouped(self.verified)),
            Law::OneKeyABatch => {
                format!("{} batches of {} records", grouped(self.batches), grouped(batch_size.unsigned_abs()))
            }
            Law::NoSharedKey => format!("{} leases of {keys} keys", grouped(self.leases)),
            Law::LeastRecentlyUsed => format!("{} choices of a key", grouped(self.choices)),
            Law::EveryArrival if self.judged > 0 => {
                format!("{} arrivals, {} judged again", grouped(self.arrivals), grouped(self.judged))
            }
            Law::EveryArrival => format!("{} arrivals", grouped(self.arrivals)),
            Law::EveryDelivery if self.events > 0 => {
                format!("{} deliveries, {} events", grouped(self.deliveries), grouped(self.events))
            }
            Law::EveryDelivery => format!("{} deliveries", grouped(self.deliveries)),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Tally {
    violations: u64,
    /// The first in the order of what they are about, which need not be the order of finding.
    first: Vec<(i64, String)>,
}

/// What a part of an audit found.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    shown: usize,
    pub(crate) counts: Counts,
    tallies: [Tally; 7],
}

impl Findings {
    /// Keeps the first `shown` violations of each law in words.
    pub(crate) fn new(shown: usize) -> Self {
        Self { shown, counts: Counts::default(), tallies: Default::default() }
    }

    /// A violation about the record, batch or lease of number `about`.
    pub(crate) fn violated(&mut self, law: Law, about: i64, text: impl FnOnce() -> String) {
        self.violated_times(law, 1, about, text);
    }

    /// As many violations that one sentence tells.
    pub(crate) fn violated_times(&mut self, law: Law, times: u64, about: i64, text: impl FnOnce() -> String) {
        let tally = &mut self.tallies[law.index()];
        tally.violations += times;
        let place = tally.first.partition_point(|(earlier, _)| *earlier <= about);
        if place < self.shown {
            tally.first.insert(place, (about, text()));
            tally.first.truncate(self.shown);
        }
    }

    /// A row that has no place.
    pub(crate) fn stray(&mut self, stray: &Stray) {
        let Stray { kind, number, name } = stray;
        let (law, text) = match kind.as_str() {
            "lease of no batch" => {
                (Law::OneKeyABatch, format!("lease {number} is of batch {name}, which is outside of the run"))
            }
            "lease of a signed batch" => {
                (Law::OneKeyABatch, format!("lease {number} is of a batch that lease {name} had signed"))
            }
            "lease of a held batch" => {
                (Law::OneKeyABatch, format!("lease {number} is of a batch while lease {name} held that"))
            }
            "lease in another log" => {
                (Law::NoSharedKey, format!("lease {number} of key {name} is in the log of another ring"))
            }
            "lease of no run" => (
                Law::NoSharedKey,
                format!("lease {number} is of run {name}, which does not exist in its ring"),
            ),
            "lease of a deleted run" => {
                (Law::NoSharedKey, format!("lease {number} is of run {name}, which had been deleted before"))
            }
            "deleted run in the ledger" => {
                (Law::NoSharedKey, format!("run {number} ({name}) was deleted, yet it is in the ledger"))
            }
            "deleted run of no ring" => (
                Law::NoSharedKey,
                format!("run {number} ({name}) was deleted from a ring that does not exist"),
            ),
            "deleted run of later" => (
                Law::NoSharedKey,
                format!("run {number} was deleted after use {name}, which is not in the log"),
            ),
            "batch of no lease" => {
                (Law::NoSharedKey, format!("batch {number} of {name} names a lease that is not in the log"))
            }
            "key of no ring" => (Law::LeastRecentlyUsed, format!("key {name} belongs to no ring")),
            "material of no key" => {
                (Law::LeastRecentlyUsed, format!("there is material of key {name}, which does not exist"))
            }
            "keyring" => {
                (Law::LeastRecentlyUsed, format!("the ring stands in the ledger again, as ring {number}"))
            }
            "table of no run" => {
                (Law::EveryRecordOnce, format!("the table {name} is of a run that does not exist"))
            }
            "run" => (Law::EveryRecordOnce, format!("the run stands in the ledger again, as run {number}")),
            "source" => (Law::EveryRecordOnce, format!("the run has {number} sources instead of one")),
            _ => (Law::EveryRecordOnce, format!("{kind} {number} is outside of the run")),
        };
        self.violated(law, *number, || text);
    }

    fn of_laws(self, laws: &[Law], keys: usize, batch_size: i64) -> Vec<LawReport> {
        let Self { counts, tallies, .. } = self;
        Law::ALL
            .into_iter()
            .zip(tallies)
            .filter(|(law, _)| laws.contains(law))
            .map(|(law, tally)| LawReport {
                law,
                counted: counts.in_words(law, keys, batch_size),
                violations: tally.violations,
                first: tally.first.into_iter().map(|(_, text)| text).collect(),
            })
            .collect()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let Counts {
            records,
            signatures,
            verified,
            batches,
            leases,
            choices,
            arrivals,
            judged,
            deliveries,
            events,
        } = other.counts;
        self.counts.records += records;
        self.counts.signatures += signatures;
        self.counts.verified += verified;
        self.counts.batches += batches;
        self.counts.leases += leases;
        self.counts.choices += choices;
        self.counts.arrivals += arrivals;
        self.counts.judged += judged;
        self.counts.deliveries += deliveries;
        self.counts.events += events;
        for (tally, other) in self.tallies.iter_mut().zip(other.tallies) {
            tally.violations += other.violations;
            tally.first.extend(other.first);
            tally.first.sort_by_key(|(about, _)| *about);
            tally.first.truncate(self.shown);
        }
    }

    /// Whether a law is broken.
    fn breaks(&self, law: Law) -> bool {
        self.tallies[law.index()].violations > 0
    }

    /// Whether nothing is wrong.
    pub(crate) fn are_clean(&self) -> bool {
        self.tallies.iter().all(|tally| tally.violations == 0)
    }

    /// Violations of a law.
    #[cfg(test)]
    pub(crate) fn of(&self, law: Law) -> (u64, Vec<&str>) {
        let tally = &self.tallies[law.index()];
        (tally.violations, tally.first.iter().map(|(_, text)| text.as_str()).collect())
    }
}
