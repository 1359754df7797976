//! Why no record of a run is signed, as far as the open leases of its ring tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use crate::open_leases::OpenLease;
use crate::run::Progress;

/// How long nothing may be signed before somebody looks why.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The most holders that a sentence names.
const NAMED: usize = 5;

/// Since when nothing of a run was signed, although something could be.
#[derive(Clone, Copy, Debug)]
pub struct Stillness {
    signed: i64,
    since: Instant,
}

impl Stillness {
    /// Of a run that is looked at for the first time.
    #[must_use]
    pub fn new(progress: &Progress, now: Instant) -> Self {
        Self { signed: progress.records_signed, since: now }
    }

    /// Looks at the run again.
    pub fn look(&mut self, progress: &Progress, now: Instant) {
        if progress.records_signed != self.signed || !progress.has_work() {
            *self = Self::new(progress, now);
        }
    }

    /// How long nothing was signed.
    #[must_use]
    pub fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Whether that is so long that somebody should look why.
    #[must_use]
    pub fn is_standstill(&self, now: Instant) -> bool {
        self.lasts(now) >= PATIENCE
    }
}

/// What holds a run up.
#[derive(Clone, Debug, PartialEq)]
pub enum Standstill {
    /// What it needs is in the hands of signers that do not renew their leases.
    Silent {
        /// What is scarce.
        scarce: Scarce,
        /// How much of it they hold.
        held: usize,
        /// Who they are.
        holders: Vec<String>,
        /// Seconds until the last of it may be taken back.
        seconds_left: f64,
    },
    /// What it needs is in the hands of somebody who renews leases, and for longer than a batch takes.
    Kept {
        /// Who that is; with their run if that is another.
        holders: Vec<String>,
        /// For how many seconds the first of the leases has been held.
        seconds: f64,
    },
    /// Every key is in the hands of signers of other runs, which renew their leases.
    Busy,
}

/// What a signer that asks for a lease does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scarce {
    /// A key of the ring.
    Keys,
    /// A batch that is not signed.
    Batches,
}

impl fmt::Display for Scarce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "the ring's keys",
            Self::Batches => "the batches that are left",
        })
    }
}

impl Standstill {
    /// What holds a run up of which nothing is signed; `leases` are those of its ring. None if a signer is at work
    /// on it, or could be.
    #[must_use]
    pub fn of(progress: &Progress, leases: &[OpenLease]) -> Option<Self> {
        let is_ours = |lease: &&OpenLease| lease.run_id == progress.id;
        let in_ring = leases.first()?.keys_in_ring;
        let renewed: Vec<&OpenLease> =
            leases.iter().filter(|lease| is_ours(lease) && !lease.is_silent).collect();
        if !renewed.is_empty() {
            return Self::kept(progress, &renewed);
        }
        let leased = |leases: usize| i64::try_from(leases).unwrap_or(i64::MAX);
        let (scarce, silent): (_, Vec<&OpenLease>) = if leased(leases.len()) >= in_ring {
            (Scarce::Keys, leases.iter().filter(|lease| lease.is_silent).collect())
        } else {
            let ours: Vec<&OpenLease> = leases.iter().filter(is_ours).collect();
            if leased(ours.len()) < progress.unsigned_batches() {
                return None;
            }
            (Scarce::Batches, ours)
        };
        if silent.is_empty() {
            // Batches that nobody holds could be signed.
            let all: Vec<&OpenLease> = leases.iter().collect();
            return (scarce == Scarce::Keys).then(|| Self::kept(progress, &all).unwrap_or(Self::Busy));
        }
        let mut holders: BTreeMap<&str, f64> = BTreeMap::new();
        for lease in &silent {
            let left = holders.entry(&lease.holder).or_default();
            *left = left.max(lease.seconds_left);
        }
        Some(Self::Silent {
            scarce,
            held: silent.len(),
            seconds_left: holders.values().copied().fold(0.0, f64::max),
            holders: holders.into_keys().map(str::to_owned).collect(),
        })
    }

    /// That these leases are kept, if each of them is held for too long.
    fn kept(progress: &Progress, leases: &[&OpenLease]) -> Option<Self> {
        let name = |lease: &&OpenLease| {
            let OpenLease { holder, namespace, run, .. } = lease;
            if lease.run_id == progress.id {
                holder.clone()
            } else {
                format!("{holder} of {namespace}/{run}")
            }
        };
        let holders: BTreeSet<String> = leases.iter().map(name).collect();
        leases.iter().all(|lease| lease.is_held_too_long()).then(|| Self::Kept {
            holders: holders.into_iter().collect(),
            seconds: leases.iter().map(|lease| lease.held_seconds).fold(0.0, f64::max),
        })
    }

    /// The same for a person. `run` is the run as `chancery` takes it, `when` is by when leases that nobody renews are
    /// taken back, or since when those are kept that somebody renews.
    #[must_use]
    pub fn sentence(&self, run: &str, when: &str) -> String {
        match self {
            Self::Silent { scarce, held, holders, seconds_left: _ } => format!(
                "{held} of {scarce} are leased to signers that do not renew their leases ({}); they are taken back \
                 {when}; if you know that these signers have ended, `chancery lease release {run} HOLDER` gives what \
                 they hold back at once",
                some_of(holders)
            ),
            Self::Kept { holders, seconds: _ } => format!(
                "leases are held and renewed {when}, and nothing is signed under them ({}): no batch takes so long, so \
                 whoever holds them hangs, or is no signer; end it, and its leases run out",
                some_of(holders)
            ),
            Self::Busy => {
                "every key of the ring is leased to a signer of another run that renews its lease; this \
                           run is signed as soon as one of these keys is free"
                    .to_owned()
            }
        }
    }
}

fn some_of(holders: &[String]) -> String {
    let named = holders.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match holders.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
