//! The keyring: its keys in the order of use, and the log of their leases.

use crate::few::Few;
use crate::protocol::Protocol;

/// A row of `keys`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) name: u8,
    /// Use sequence of its newest lease; before the first, `joined_use`.
    pub(crate) last_use: u8,
    /// The ring's newest use sequence when the key joined. 0 once `last_use` says as much.
    pub(crate) joined_use: u8,
    pub(crate) retired: bool,
}

impl Key {
    /// From where law 5 counts this key.
    fn counted_from(self) -> u8 {
        self.last_use.max(self.joined_use)
    }
}

/// What the log tells of a lease, open or not, that the ring has not forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) use_sequence: u8,
    pub(crate) run: u8,
}

/// What a turn forgot.
#[derive(Debug)]
pub(crate) struct Forgotten {
    /// The entries that are in the log no more.
    entries: Few<Entry, 12>,
    /// Some of them ought to have stayed.
    pub(crate) needed: bool,
}

impl Forgotten {
    pub(crate) fn has(&self, use_sequence: u8) -> bool {
        self.entries.iter().any(|entry| entry.use_sequence == use_sequence)
    }
}

/// A row of `keyrings`, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ring {
    /// By `(last_use, number)`: the least recently used first.
    pub(crate) keys: Few<Key, 4>,
    /// By use sequence.
    log: Few<Entry, 12>,
    /// `forgotten_use`: the log begins after this.
    forgotten_use: u8,
    /// The highest use sequence that was ever given. The database does not store it: it is what its log is
    /// compared with.
    given: u8,
    /// The log had a hole, or a use sequence was given twice. Never undone.
    broken: bool,
}

impl Ring {
    pub(crate) fn new(keys: u8) -> Self {
        Self {
            keys: Few::of(keys, |name| Key { name, ..Key::default() }),
            log: Few::new(),
            forgotten_use: 0,
            given: 0,
            broken: false,
        }
    }

    pub(crate) fn key(&self, name: u8) -> Option<Key> {
        self.keys.iter().copied().find(|key| key.name == name)
    }

    /// The use sequence of the newest lease, as `keyring_turn` reads it.
    fn newest(&self) -> u8 {
        self.log.last().map_or(0, |entry| entry.use_sequence)
    }

    /// The log has every use sequence from `forgotten_use` to the highest that was given, each once.
    pub(crate) fn is_whole(&self) -> bool {
        let wanted = self.forgotten_use + 1..=self.given;
        !self.broken && self.log.iter().map(|entry| entry.use_sequence).eq(wanted)
    }

    /// Whether law 5 lets `key` be leased, of all the keys that are `free`.
    pub(crate) fn is_least_recently_used(&self, key: u8, free: impl Fn(u8) -> bool) -> bool {
        let first = (0..self.keys.len())
            .filter(|index| !self.keys[*index].retired && free(self.keys[*index].name))
            .min_by_key(|index| (self.keys[*index].counted_from(), *index));
        first.is_some_and(|index| self.keys[index].name == key)
    }

    /// Gives the next use sequence to a lease of `key`.
    pub(crate) fn take(&mut self, key: u8, run: u8) {
        let use_sequence = self.newest() + 1;
        self.broken |= use_sequence != self.given + 1;
        self.given = self.given.max(use_sequence);
        self.log.push(Entry { use_sequence, run });
        if let Some(place) = self.keys.iter().position(|other| other.name == key) {
            let key = self.keys.remove(place);
            self.keys.push(Key { last_use: use_sequence, joined_use: 0, ..key });
        }
    }

    /// A key joins: its number is higher than all others.
    pub(crate) fn join(&mut self, protocol: &Protocol) {
        let name = self.keys.iter().map(|key| key.name + 1).max().unwrap_or(0);
        let joined_use = self.newest();
        let last_use = if protocol.joins_as_just_used { joined_use } else { 0 };
        self.keys.push(Key { name, last_use, joined_use, retired: false });
        self.keys.sort_by_key(|key| key.last_use);
    }

    /// Forgets what it may: the oldest entries up to the first that is needed. A key is `held` while a
    /// lease of it is open.
    pub(crate) fn forget(
        &mut self,
        protocol: &Protocol,
        held: impl Fn(u8) -> bool,
        in_ledger: impl Fn(u8) -> bool,
    ) -> Forgotten {
        let is_bound =
            |key: &&Key| protocol.last_uses_remembered || (protocol.open_leases_remembered && held(key.name));
        let bound = self.keys.iter().filter(is_bound).map(|key| key.last_use).min().unwrap_or(u8::MAX);
        let goes =
            |entry: &Entry| entry.use_sequence < bound && !(protocol.runs_remembered && in_ledger(entry.run));
        let mut forgotten = Few::new();
        if protocol.forgets_from_the_start {
            while self.log.first().is_some_and(goes) {
                forgotten.push(self.log.remove(0));
            }
        } else {
            self.log.iter().copied().filter(goes).for_each(|entry| forgotten.push(entry));
            self.log.retain(|entry| !goes(entry));
        }
        if protocol.forgets_from_the_start {
            self.forgotten_use = forgotten.last().map_or(self.forgotten_use, |entry| entry.use_sequence);
        }
        let needed = |entry: &Entry| {
            in_ledger(entry.run) || self.keys.iter().any(|key| key.last_use <= entry.use_sequence)
        };
        Forgotten { entries: forgotten, needed: forgotten.iter().any(needed) }
    }

    /// Puts aside what nothing that is to come depends on, and numbers the log anew from 1.
    ///
    /// Between two entries that are the last uses of keys, only the first entry of each run counts: the
    /// later ones are forgotten at the same time as it, or after it and unseen.
    pub(crate) fn condense(&mut self) {
        self.broken |= !self.is_whole();
        for key in self.keys.iter_mut().filter(|key| key.joined_use <= key.last_use) {
            key.joined_use = 0;
        }
        let old = *self;
        self.log = Few::new();
        for key in self.keys.iter_mut() {
            (key.last_use, key.joined_use) = (0, 0);
        }
        let mut seen = 0_u8;
        for entry in old.log.iter() {
            let mut uses =
                old.keys.iter().flat_map(|key| [key.last_use, key.joined_use]).filter(|at| *at > 0);
            let is_use = uses.any(|at| at == entry.use_sequence);
            if !is_use && seen & (1 << entry.run) != 0 {
                continue;
            }
            seen = if is_use { 0 } else { seen | (1 << entry.run) };
            let use_sequence = self.newest() + 1;
            self.log.push(Entry { use_sequence, ..*entry });
            for (new, old) in self.keys.iter_mut().zip(old.keys.iter()) {
                if old.last_use == entry.use_sequence {
                    new.last_use = use_sequence;
                }
                if old.joined_use == entry.use_sequence {
                    new.joined_use = use_sequence;
                }
            }
        }
        // Where nothing is left of the log, it still matters whether there ever was something.
        let lost_all = self.log.is_empty() && old.given > 0;
        self.given = if lost_all { 1 } else { self.newest() };
        self.forgotten_use = u8::from(lost_all);
    }

    /// Puts the whole log aside, but for the order of use. A log that has lost its newest entry stays: what
    /// is leased next would tell.
    pub(crate) fn put_log_aside(&mut self) {
        if self.newest() != self.given {
            return self.condense();
        }
        let broken = self.broken || !self.is_whole();
        for key in self.keys.iter_mut() {
            (key.last_use, key.joined_use) = (0, 0);
        }
        *self = Self { log: Few::new(), forgotten_use: 0, given: 0, broken, ..*self };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring of two keys, whose log has leases of these runs, in turns of the keys.
    fn ring(runs: &[u8]) -> Ring {
        let mut ring = Ring::new(2);
        for (key, run) in [0, 1].into_iter().cycle().zip(runs) {
            ring.take(key, *run);
        }
        ring
    }

    fn forgotten(mut ring: Ring, in_ledger: impl Fn(u8) -> bool) -> Vec<u8> {
        let forgotten = ring.forget(&Protocol::present(), |_| false, in_ledger);
        assert!(!forgotten.needed);
        assert!(ring.is_whole());
        forgotten.entries.iter().map(|entry| entry.use_sequence).collect()
    }

    #[test]
    fn the_longest_prefix_that_is_older_than_every_last_use_is_forgotten() {
        assert_eq!(forgotten(ring(&[0, 0, 0, 0, 0]), |_| false), [1, 2, 3]);
    }

    #[test]
    fn the_first_lease_of_a_run_in_the_ledger_and_all_after_it_are_remembered() {
        assert_eq!(forgotten(ring(&[0, 0, 1, 0, 0, 0]), |run| run == 1), [1, 2]);
    }

    #[test]
    fn while_a_key_was_never_used_all_is_remembered() {
        let mut ring = ring(&[0]);
        ring.take(0, 0);
        assert!(forgotten(ring, |_| false).is_empty());
    }

    #[test]
    fn a_key_that_joins_stands_last_and_has_the_newest_lease_remembered() {
        let mut ring = ring(&[0, 0, 0]);
        ring.join(&Protocol::present());
        let order = ring.keys.iter().map(|key| (key.name, key.last_use)).collect::<Vec<_>>();
        assert_eq!(order, [(1, 2), (0, 3), (2, 3)]);
        for key in [1, 0] {
            ring.take(key, 0);
        }
        assert_eq!(forgotten(ring, |_| false), [1, 2]);
    }

    #[test]
    fn a_condensed_ring_forgets_as_the_whole_one_does() {
        let mut ring = ring(&[0, 1, 1, 0, 1, 0, 0]);
        ring.condense();
        // Left of 1 to 5 are the first leases of either run; 6 and 7 are the last uses.
        assert_eq!(ring.log.iter().map(|entry| entry.run).collect::<Vec<_>>(), [0, 1, 0, 0]);
        assert_eq!(ring.keys.iter().map(|key| key.last_use).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(forgotten(ring, |run| run == 1), [1]);
    }
}
