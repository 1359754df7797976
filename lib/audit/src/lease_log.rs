//! Laws 4 and 5 from the lease log of a ring, over all runs that signed with it. No IO.
//!
//! The log is replayed: a key is in the ring or not, free or held, and has a last use. Acquisitions come in the
//! order of their use sequence, releases in the order of their instants, a release before an acquisition of the
//! same instant. A key joins and leaves between two uses, which its row names. At each acquisition the state of
//! every key is known exactly, so there is nothing to be tolerant about.
//!
//! What a ring has forgotten is the beginning of its log: a key that was in the ring by then has an unknown last
//! use, older than all that are known, until it is used again.
//!
//! After a violation the replay goes on with what the log says from there: one altered row is not to
//! accuse all that come after it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chancery_store::Keyring;
use chancery_store::audit::{KeyRow, LeaseRow, ReleaseRow};
use uuid::Uuid;

use crate::report::{Findings, Law};

/// Where a key is, as far as the log has been read.
#[derive(Debug)]
struct KeyState {
    /// What its row says in the end.
    recorded: i64,
    joined_use: i64,
    retired_use: Option<i64>,
    /// Whether it may be chosen by now.
    in_ring: bool,
    /// Its place in the order of use. None before it joins, and while the log does not tell: after its forgotten
    /// beginning, or a hole.
    last_use: Option<i64>,
    /// The lease that holds it.
    held_by: Option<i64>,
}

/// The replay of a lease log.
#[derive(Debug)]
pub(crate) struct LeaseLog {
    keys: HashMap<Uuid, KeyState>,
    /// Keys that are yet to join, and to leave, by the use after which they do; the next one is last.
    joining: Vec<(i64, Uuid)>,
    leaving: Vec<(i64, Uuid)>,
    /// Free keys whose last use is known, least recently used first.
    free: BTreeSet<(i64, Uuid)>,
    /// Leases whose release was read before their acquisition.
    ended_early: HashSet<i64>,
    /// The log is whole from the use after this one on.
    whole_after: i64,
    has_hole: bool,
    last_sequence: i64,
    last_acquired: i64,
    findings: Findings,
}

impl LeaseLog {
    pub(crate) fn new(keyring: &Keyring, keys: &[KeyRow], shown: usize) -> Self {
        Self::after(keyring.forgotten_use, keys, shown)
    }

    fn after(forgotten: i64, rows: &[KeyRow], shown: usize) -> Self {
        let state = |row: &KeyRow| KeyState {
            recorded: row.last_use,
            joined_use: row.joined_use,
            retired_use: row.retired_use,
            in_ring: false,
            last_use: None,
            held_by: None,
        };
        let next_last = |mut keys: Vec<(i64, Uuid)>| {
            keys.sort_unstable_by(|one, other| other.cmp(one));
            keys
        };
        Self {
            keys: rows.iter().map(|row| (row.id, state(row))).collect(),
            joining: next_last(rows.iter().map(|row| (row.joined_use, row.id)).collect()),
            leaving: next_last(rows.iter().filter_map(|row| Some((row.retired_use?, row.id))).collect()),
            free: BTreeSet::new(),
            ended_early: HashSet::new(),
            whole_after: forgotten,
            has_hole: false,
            last_sequence: forgotten,
            last_acquired: i64::MIN,
            findings: Findings::new(shown),
        }
    }

    /// The next acquisition, in the order of use sequences.
    pub(crate) fn acquired(&mut self, lease: &LeaseRow) {
        self.findings.counts.leases += 1;
        self.check_lease(lease);
        self.check_order(lease);
        self.before_use(lease.use_sequence);
        let LeaseRow { id, key_id, use_sequence, .. } = lease;
        let Some(key) = self.keys.get_mut(key_id) else {
            self.findings.violated(Law::LeastRecentlyUsed, *id, || {
                format!("lease {id} took key {key_id}, which is not in the ring")
            });
            return;
        };
        if let Some(holder) = key.held_by {
            self.findings.violated(Law::NoSharedKey, *id, || {
                format!("lease {id} took key {key_id} while lease {holder} held it")
            });
        } else if !key.in_ring {
            let joined = key.joined_use;
            let when = if *use_sequence <= joined { "before it joined" } else { "after it had left" };
            self.findings.violated(Law::LeastRecentlyUsed, *id, || {
                format!("lease {id} took key {key_id} {when} the ring")
            });
        } else if let Some(chosen) = key.last_use {
            self.findings.counts.choices += 1;
            if let Some(older) = self.free.first().copied().filter(|(last_use, _)| *last_use < chosen) {
                self.findings.violated(Law::LeastRecentlyUsed, *id, || {
                    format!(
                        "lease {id} took key {key_id} (last use {chosen}) while key {} (last use {}) was free",
                        older.1, older.0
                    )
                });
                // Said once, until that key is used again.
                self.free.remove(&older);
            }
        }
        if let Some(last_use) = key.last_use.replace(*use_sequence) {
            self.free.remove(&(last_use, *key_id));
        }
        key.held_by = Some(*id);
        if self.ended_early.remove(id) {
            self.give_back(*key_id, *id);
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
                if let Some(last_use) = key.last_use.filter(|_| key.in_ring) {
                    self.free.insert((last_use, id));
                }
                true
            }
            _ => false,
        }
    }

    /// Keys that joined or left before this use.
    fn before_use(&mut self, sequence: i64) {
        while let Some((joined_use, id)) = self.joining.pop_if(|(joined_use, _)| *joined_use < sequence) {
            let Some(key) = self.keys.get_mut(&id) else { continue };
            key.in_ring = true;
            if key.last_use.is_none() && joined_use >= self.whole_after {
                key.last_use = Some(joined_use);
            }
            if let (Some(last_use), None) = (key.last_use, key.held_by) {
                self.free.insert((last_use, id));
            }
        }
        while let Some((_, id)) = self.leaving.pop_if(|(retired_use, _)| *retired_use < sequence) {
            let Some(key) = self.keys.get_mut(&id) else { continue };
            key.in_ring = false;
            if let Some(last_use) = key.last_use {
                self.free.remove(&(last_use, id));
            }
        }
    }

    /// What a line of the log says of itself.
    fn check_lease(&mut self, lease: &LeaseRow) {
        let LeaseRow {
            id, acquired_at, expires_at, doubted_until, released_at, has_signed_at, outcome, ..
        } = lease;
        let endless = |instant: i64| matches!(instant, i64::MIN | i64::MAX);
        let wrong = match (outcome.as_deref(), *released_at) {
            (Some(outcome), _) if !matches!(outcome, "signed" | "expired" | "abandoned") => {
                Some("has an unknown outcome")
            }
            _ if endless(*acquired_at) || endless(*expires_at) || released_at.is_some_and(endless) => {
                Some("has an infinite instant")
            }
            (_, Some(released)) if released <= *acquired_at => Some("ends before it begins"),
            (outcome, _) if (outcome == Some("signed")) != *has_signed_at => {
                Some("says that it signed, or when, but not both")
            }
            (Some("expired"), Some(released)) if released < *expires_at => {
                Some("was taken over before it had run out")
            }
            (Some("expired"), Some(released)) if doubted_until.is_none_or(|until| released < until) => {
                Some("was taken back before its holder had the time to renew it")
            }
            (Some("expired" | "abandoned"), None) => Some("has ended, yet its key was never given back"),
            (None, Some(_)) => Some("gave its key back, yet has not ended"),
            (None, None) if lease.run_complete => Some("is open although its run is complete"),
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
            self.has_hole = true;
            self.whole_after = lease.use_sequence - 1;
            self.free.clear();
            for key in self.keys.values_mut() {
                key.last_use = None;
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

    /// The end of the log: what the keys say of themselves is what it says.
    pub(crate) fn finish(mut self) -> Findings {
        let newest = self.last_sequence;
        self.before_use(newest.saturating_add(1));
        for (id, key) in &self.keys {
            let KeyState { recorded, joined_use, retired_use, last_use, .. } = key;
            for (said, what) in [(Some(*joined_use), "joined"), (*retired_use, "left")] {
                if let Some(said) = said.filter(|said| *said > newest) {
                    self.findings.violated(Law::LeastRecentlyUsed, said, || {
                        format!("key {id} says that it {what} after use {said}, the log ends with {newest}")
                    });
                }
            }
            match last_use {
                Some(last_use) if last_use != recorded => {
                    self.findings.violated(Law::LeastRecentlyUsed, *last_use, || {
                        format!("key {id} says that its last use was {recorded}, the log says {last_use}")
                    });
                }
                // That what is not in the log may be forgotten is checked with the key's row.
                None if !self.has_hole && *joined_use < newest && *recorded > self.whole_after => {
                    self.findings.violated(Law::LeastRecentlyUsed, *recorded, || {
                        format!("key {id} says that its last use was {recorded}, the log has no such lease")
                    });
                }
                _ => {}
            }
        }
        self.findings
    }
}

#[cfg(test)]
mod tests;
