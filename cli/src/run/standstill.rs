//! Why a run stands still, said within seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chancery_store::OpenLease;

/// How long nothing may be signed before the leases are looked at.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the same reason is not told again.
const SAID: Duration = Duration::from_secs(30);

/// Notices that a run does not get on.
#[derive(Debug)]
pub(super) struct Standstill {
    signed: i64,
    since: Instant,
    said: Option<(Vec<String>, Instant)>,
}

impl Standstill {
    pub(super) fn new(now: Instant) -> Self {
        Self { signed: 0, since: now, said: None }
    }

    /// Whether nothing has been signed for so long that somebody should look why.
    pub(super) fn stands(&mut self, signed: i64, now: Instant) -> bool {
        if signed != self.signed {
            *self = Self { signed, ..Self::new(now) };
        }
        now.saturating_duration_since(self.since) >= PATIENCE
    }

    /// What to tell a person of the leases that nobody renews; none if there is nothing new to tell.
    pub(super) fn reason(&mut self, run: &str, leases: &[OpenLease], now: Instant) -> Option<String> {
        let mut silent: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
        for lease in leases.iter().filter(|lease| lease.is_silent) {
            let (count, left) = silent.entry(&lease.holder).or_default();
            *count += 1;
            *left = left.max(lease.seconds_left);
        }
        let holders: Vec<String> = silent.keys().map(|holder| (*holder).to_owned()).collect();
        let known = self
            .said
            .as_ref()
            .is_some_and(|(said, at)| *said == holders && now.saturating_duration_since(*at) < SAID);
        if holders.is_empty() || known {
            return None;
        }
        let held: usize = silent.values().map(|(count, _)| count).sum();
        let left = silent.values().map(|(_, left)| *left).fold(0.0, f64::max);
        self.said = Some((holders.clone(), now));
        Some(format!(
            "nothing was signed for {} s: {held} of the ring's keys are leased to signers that do not renew their \
             leases ({}); they are taken back within {left:.0} s; if you know that these signers have ended, \
             `chancery lease release {run} HOLDER` gives their keys back at once",
            now.saturating_duration_since(self.since).as_secs(),
            holders.join(", "),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, is_silent: bool) -> OpenLease {
        OpenLease {
            lease: 1,
            namespace: "default".to_owned(),
            run: "demo".to_owned(),
            holder: holder.to_owned(),
            key: 1,
            batch: 1,
            use_sequence: 1,
            seconds_left: 12.3,
            is_silent,
        }
    }

    #[test]
    fn a_run_that_gets_on_or_has_only_begun_does_not_stand_still() {
        let began = Instant::now();
        let mut standstill = Standstill::new(began);
        assert!(!standstill.stands(0, began + Duration::from_secs(2)));
        assert!(standstill.stands(0, began + Duration::from_secs(3)));
        assert!(!standstill.stands(10, began + Duration::from_secs(4)));
        assert!(standstill.stands(10, began + Duration::from_secs(7)));
    }

    #[test]
    fn holders_that_do_not_renew_are_named_once_in_a_while() {
        let now = Instant::now();
        let mut standstill = Standstill::new(now);
        let leases = [lease("gone", true), lease("gone", true), lease("alive", false)];
        let said = standstill.reason("demo", &leases, now).expect("something to say");
        for words in ["2 of the ring's keys", "(gone)", "within 12 s", "chancery lease release demo HOLDER"] {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
        assert_eq!(standstill.reason("demo", &leases, now), None, "just said");
        assert!(standstill.reason("demo", &leases[1..], now + SAID).is_some());
        assert!(standstill.reason("demo", &[lease("other", true)], now + SAID).is_some());
        assert_eq!(standstill.reason("demo", &[lease("alive", false)], now + SAID * 2), None);
    }
}
