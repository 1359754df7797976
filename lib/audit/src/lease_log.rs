//! Laws 4 and 5 from the lease log. No IO.
//!
//! The log is replayed: a key is free or held, and has a last use. Acquisitions come in the order of
//! their use sequence, releases in the order of their instants, a release before an acquisition of the
//! same instant. At each acquisition the state of every key is known exactly, so there is nothing to
//! be tolerant about.
//!
//! After a violation the replay goes on with what the log says from there: one altered row is not to
//! accuse all that come after it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chancery_store::Run;
use chancery_store::audit::{LeaseRow, ReleaseRow};
use uuid::Uuid;

use crate::report::{Findings, Law};
use crate::ring::Ring;

/// Where a key is, as far as the log has been read.
#[derive(Debug)]
struct KeyState {
    /// Use sequence of its newest lease; 0 before the first.
    last_use: i64,
    /// The lease that holds it.
    held_by: Option<i64>,
    /// Whether its last use is known: it is not after a hole in the log, until the key is used again.
    known: bool,
}

/// The replay of a lease log.
#[derive(Debug)]
pub(crate) struct LeaseLog {
    run: i32,
    complete: bool,
    keys: HashMap<Uuid, KeyState>,
    /// Free keys whose last use is known, least recently used first.
    free: BTreeSet<(i64, Uuid)>,
    /// Leases whose release was read before their acquisition.
    ended_early: HashSet<i64>,
    last_sequence: i64,
    last_acquired: i64,
    final_uses: Vec<(Uuid, i64)>,
    findings: Findings,
}

impl LeaseLog {
    pub(crate) fn new(run: &Run, ring: &Ring, shown: usize) -> Self {
        let final_uses = ring.iter().map(|(id, key)| (id, key.last_use)).collect();
        Self::with_keys(run.id, run.complete, final_uses, shown)
    }

    fn with_keys(run: i32, complete: bool, final_uses: Vec<(Uuid, i64)>, shown: usize) -> Self {
        let fresh = || KeyState { last_use: 0, held_by: None, known: true };
        Self {
            run,
            complete,
            keys: final_uses.iter().map(|(id, _)| (*id, fresh())).collect(),
            free: final_uses.iter().map(|(id, _)| (0, *id)).collect(),
            ended_early: HashSet::new(),
            last_sequence: 0,
            last_acquired: i64::MIN,
            final_uses,
            findings: Findings::new(shown),
        }
    }

    /// The next acquisition, in the order of use sequences.
    pub(crate) fn acquired(&mut self, lease: &LeaseRow) {
        self.findings.counts.leases += 1;
        self.check_lease(lease);
        self.check_order(lease);
        let Some(key) = self.keys.get_mut(&lease.key_id) else {
            self.findings.violated(Law::LeastRecentlyUsed, lease.id, || {
                format!("lease {} took key {}, which is not in the ring", lease.id, lease.key_id)
            });
            return;
        };
        if let Some(holder) = key.held_by {
            self.findings.violated(Law::NoSharedKey, lease.id, || {
                format!("lease {} took key {} while lease {holder} held it", lease.id, lease.key_id)
            });
        } else if key.known {
            self.findings.counts.choices += 1;
            if let Some(older) = self.free.first().copied().filter(|(last_use, _)| *last_use < key.last_use) {
                let chosen = key.last_use;
                self.findings.violated(Law::LeastRecentlyUsed, lease.id, || {
                    format!(
                        "lease {} took key {} (last use {chosen}) while key {} (last use {}) was free",
                        lease.id, lease.key_id, older.1, older.0
                    )
                });
                // Said once, until that key is used again.
                self.free.remove(&older);
            }
        }
        self.free.remove(&(key.last_use, lease.key_id));
        *key = KeyState { last_use: lease.use_sequence, held_by: Some(lease.id), known: true };
        if self.ended_early.remove(&lease.id) {
            self.give_back(lease.key_id, lease.id);
        }
    }

    /// The next release, in the order of instants.
    pub(crate) fn released(&mut self, release: &ReleaseRow) {
        if !self.give_back(release.key_id, release.id) {
            self.ended_early.insert(release.id);
        }
    }

    fn give_back(&mut self, id: Uuid, lease: i64) -> bool {
        match self.keys.get_mut(&id) {
            Some(key) if key.held_by == Some(lease) => {
                key.held_by = None;
                if key.known {
                    self.free.insert((key.last_use, id));
                }
                true
            }
            _ => false,
        }
    }

    /// What a line of the log says of itself.
    fn check_lease(&mut self, lease: &LeaseRow) {
        let LeaseRow { id, acquired_at, expires_at, released_at, has_signed_at, outcome, run_id, .. } = lease;
        let endless = |instant: i64| matches!(instant, i64::MIN | i64::MAX);
        let wrong = match (outcome.as_deref(), *released_at) {
            (Some(outcome), _) if !matches!(outcome, "signed" | "expired" | "abandoned") => {
                Some("has an unknown outcome")
            }
            _ if endless(*acquired_at) || endless(*expires_at) || released_at.is_some_and(endless) => {
                Some("has an infinite instant")
            }
            _ if expires_at <= acquired_at => Some("runs out before it begins"),
            (_, Some(released)) if released <= *acquired_at => Some("ends before it begins"),
            (outcome, _) if (outcome == Some("signed")) != *has_signed_at => {
                Some("says that it signed, or when, but not both")
            }
            (Some("expired"), Some(released)) if released < *expires_at => {
                Some("was taken over before it had run out")
            }
            (Some("expired" | "abandoned"), None) => Some("has ended, yet its key was never given back"),
            (None, Some(_)) => Some("gave its key back, yet has not ended"),
            (None, None) if self.complete && *run_id == self.run => {
                Some("is open although its run is complete")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.findings.violated(Law::NoSharedKey, *id, || format!("lease {id} {wrong}"));
        }
    }

    /// The use sequence has no gap, and time goes on along it.
    fn check_order(&mut self, lease: &LeaseRow) {
        let expected = self.last_sequence + 1;
        if lease.use_sequence != expected {
            self.findings.violated(Law::LeastRecentlyUsed, lease.id, || {
                format!("lease {} has use sequence {}, expected is {expected}", lease.id, lease.use_sequence)
            });
            // Which keys the missing leases used is not known: nothing can be said of a key until it
            // is used again.
            self.free.clear();
            for key in self.keys.values_mut() {
                key.known = false;
            }
        }
        if lease.acquired_at <= self.last_acquired {
            self.findings.violated(Law::LeastRecentlyUsed, lease.id, || {
                format!("lease {} was not acquired later than the lease before it", lease.id)
            });
        }
        self.last_sequence = lease.use_sequence;
        self.last_acquired = lease.acquired_at;
    }

    /// The end of the log.
    pub(crate) fn finish(mut self) -> Findings {
        for (id, recorded) in self.final_uses {
            let Some(key) = self.keys.get(&id).filter(|key| key.known) else { continue };
            if key.last_use != recorded {
                let last_use = key.last_use;
                self.findings.violated(Law::LeastRecentlyUsed, last_use, || {
                    format!("key {id} says that its last use was {recorded}, the log says {last_use}")
                });
            }
        }
        self.findings
    }
}

#[cfg(test)]
mod tests;
