//! What an audit found.

use chancery_store::Run;
use chancery_store::audit::Stray;
use serde::Serialize;

use crate::ring::Ring;

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
}

impl Law {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::EveryRecordOnce,
        Self::TrueSignatures,
        Self::OneKeyABatch,
        Self::NoSharedKey,
        Self::LeastRecentlyUsed,
    ];

    /// The law's number, 1 to 5.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::EveryRecordOnce => 1,
            Self::TrueSignatures => 2,
            Self::OneKeyABatch => 3,
            Self::NoSharedKey => 4,
            Self::LeastRecentlyUsed => 5,
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
        }
    }

    const fn index(self) -> usize {
        self.number() as usize - 1
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

/// What was found about a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The run, as `NAMESPACE/NAME`.
    pub run: String,
    /// The laws 1 to 5, in order.
    pub laws: Vec<LawReport>,
}

impl Report {
    pub(crate) fn new(run: &Run, ring: &Ring, findings: Findings) -> Self {
        let counts = &findings.counts;
        let counted = |law| match law {
            Law::EveryRecordOnce => {
                format!("{} records, {} signatures", grouped(counts.records), grouped(counts.signatures))
            }
            Law::TrueSignatures => {
                format!(
                    "{} signatures verified with {} keys",
                    grouped(counts.verified),
                    grouped(ring.len() as u64)
                )
            }
            Law::OneKeyABatch => {
                format!(
                    "{} batches of {} records",
                    grouped(counts.batches),
                    grouped(run.batch_size.unsigned_abs())
                )
            }
            Law::NoSharedKey => {
                format!("{} leases of {} keys", grouped(counts.leases), grouped(ring.len() as u64))
            }
            Law::LeastRecentlyUsed => format!("{} choices of a key", grouped(counts.choices)),
        };
        let laws = Law::ALL
            .into_iter()
            .zip(findings.tallies)
            .map(|(law, tally)| LawReport {
                law,
                counted: counted(law),
                violations: tally.violations,
                first: tally.first.into_iter().map(|(_, text)| text).collect(),
            })
            .collect();
        Self { run: format!("{}/{}", run.namespace, run.name), laws }
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
    tallies: [Tally; 5],
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
            "batch" => (Law::OneKeyABatch, format!("batch {number} is outside of the run")),
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
            "lease of no run" => {
                (Law::NoSharedKey, format!("lease {number} is of run {name}, which does not exist"))
            }
            "key of no ring" => (Law::LeastRecentlyUsed, format!("key {name} belongs to no ring")),
            "material of no key" => {
                (Law::LeastRecentlyUsed, format!("there is material of key {name}, which does not exist"))
            }
            "table of no run" => {
                (Law::EveryRecordOnce, format!("the table {name} is of a run that does not exist"))
            }
            "run" => (Law::EveryRecordOnce, format!("the run stands in the ledger again, as run {number}")),
            _ => (Law::EveryRecordOnce, format!("{kind} {number} is outside of the run")),
        };
        self.violated(law, *number, || text);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let Counts { records, signatures, verified, batches, leases, choices } = other.counts;
        self.counts.records += records;
        self.counts.signatures += signatures;
        self.counts.verified += verified;
        self.counts.batches += batches;
        self.counts.leases += leases;
        self.counts.choices += choices;
        for (tally, other) in self.tallies.iter_mut().zip(other.tallies) {
            tally.violations += other.violations;
            tally.first.extend(other.first);
            tally.first.sort_by_key(|(about, _)| *about);
            tally.first.truncate(self.shown);
        }
    }

    /// Violations of a law.
    #[cfg(test)]
    pub(crate) fn of(&self, law: Law) -> (u64, Vec<&str>) {
        let tally = &self.tallies[law.index()];
        (tally.violations, tally.first.iter().map(|(_, text)| text.as_str()).collect())
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
