//! The instants at which keys were in use, as the signers told them while they ran.
//!
//! Each signer writes when it starts and stops signing with a key, by the machine's clock, and holds
//! the lock of a file of that key meanwhile (`signer-job/src/use_journal.rs`). A signer that is killed
//! writes no stop: then the lock tells, which the kernel gives up in the moment in which the process
//! ends. So two in whose hands a key is at one instant are seen in one of two ways: their intervals
//! overlap, or the second finds the lock taken.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;

/// A key in the hands of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The lease under which it was used.
    pub lease: i64,
    /// The key.
    pub key: String,
    /// The batch.
    pub batch: i64,
    /// The signer's name.
    pub holder: String,
    /// When it started, in nanoseconds since the machine did.
    pub start: u64,
    /// When it stopped; never, for a signer that was killed meanwhile.
    pub stop: Option<u64>,
    /// How many records were signed.
    pub signed: i64,
    /// Nobody else had the key's lock.
    pub alone: bool,
}

/// All uses of a run, in the order in which they started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The uses.
    pub uses: Vec<Use>,
}

impl Journal {
    /// Reads what signers have written.
    ///
    /// # Errors
    ///
    /// A line that no signer writes. The last may be cut short: its writer was killed.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut uses: Vec<Use> = Vec::new();
        let mut open: HashMap<i64, usize> = HashMap::new();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let said = || format!("a line of the journal that no signer writes: {line:?}");
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["start", at, lease, key, batch, alone @ ("alone" | "shared"), holder] => {
                    let lease = lease.parse().with_context(said)?;
                    open.insert(lease, uses.len());
                    uses.push(Use {
                        lease,
                        key: key.to_owned(),
                        batch: batch.parse().with_context(said)?,
                        holder: holder.to_owned(),
                        start: at.parse().with_context(said)?,
                        stop: None,
                        signed: 0,
                        alone: alone == "alone",
                    });
                }
                ["stop", at, lease, signed] => {
                    let lease: i64 = lease.parse().with_context(said)?;
                    let number = open.remove(&lease).with_context(said)?;
                    uses[number].stop = Some(at.parse().with_context(said)?);
                    uses[number].signed = signed.parse().with_context(said)?;
                }
                _ => anyhow::bail!(said()),
            }
        }
        uses.sort_by_key(|one| one.start);
        Ok(Self { uses })
    }

    /// Each instant at which a key was in two hands.
    #[must_use]
    pub fn shared_keys(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut last_of_key: HashMap<&str, &Use> = HashMap::new();
        for one in &self.uses {
            let Use { key, lease, holder, start, .. } = one;
            if !one.alone {
                violations.push(format!(
                    "key {key} was in another signer's hands when {holder} started with it under lease {lease}"
                ));
            }
            let last = last_of_key.get(key.as_str()).copied();
            if let Some(last) = last
                && let Some(stop) = last.stop
                && *start < stop
            {
                violations.push(format!(
                    "key {key} was used by {holder} under lease {lease} and by {} under lease {} for {} ns",
                    last.holder,
                    last.lease,
                    stop - start
                ));
            }
            // What reaches furthest is what the next may overlap with.
            if one.stop.is_some() && last.is_none_or(|last| last.stop < one.stop) {
                last_of_key.insert(key, one);
            }
        }
        violations
    }

    /// Records that were signed under each lease.
    #[must_use]
    pub fn signed_by_lease(&self) -> BTreeMap<i64, i64> {
        let mut signed = BTreeMap::new();
        for one in &self.uses {
            *signed.entry(one.lease).or_default() += one.signed;
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(text: &str) -> Vec<String> {
        Journal::parse(text).unwrap().shared_keys()
    }

    #[test]
    fn uses_that_follow_each_other_are_fine() {
        assert_eq!(
            shared(
                "start 10 1 k 1 alone a\nstop 20 1 5\nstart 20 2 k 2 alone b\nstart 15 3 l 3 alone c\nstop 30 2 5\n"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn uses_that_overlap_by_a_nanosecond_are_seen() {
        let found = shared("start 10 1 k 1 alone a\nstart 19 2 k 2 alone b\nstop 20 1 5\nstop 30 2 5\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("for 1 ns"), "{found:?}");
    }

    #[test]
    fn a_long_use_is_held_against_all_that_start_within_it() {
        let found = shared(
            "start 10 1 k 1 alone a\nstart 12 2 k 2 alone b\nstop 13 2 5\nstart 14 3 k 3 alone c\nstop 15 3 5\nstop 20 1 5\n",
        );
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_signer_that_was_killed_is_judged_by_the_lock() {
        assert_eq!(shared("start 10 1 k 1 alone a\nstart 12 2 k 2 alone b\n"), Vec::<String>::new());
        assert_eq!(shared("start 10 1 k 1 alone a\nstart 12 2 k 2 shared b\n").len(), 1);
    }

    #[test]
    fn the_records_of_all_parts_of_a_batch_are_added_up() {
        let journal =
            Journal::parse("start 1 1 k 1 alone a\nstop 2 1 5\nstart 3 1 k 1 alone a\nstop 4 1 6\n").unwrap();
        assert_eq!(journal.signed_by_lease(), BTreeMap::from([(1, 11)]));
    }

    #[test]
    fn a_last_line_that_is_cut_short_is_left_out_and_any_other_is_refused() {
        assert_eq!(Journal::parse("start 1 1 k 1 alo").unwrap(), Journal::default());
        assert!(Journal::parse("start 1 1 k 1 alo\nstart 2 2 k 2 alone b\n").is_err());
        assert!(Journal::parse("stop 2 1 5\n").is_err());
    }
}
