//! A signer that does not get on says so, and why.

use std::time::{Duration, Instant};

/// Leases in a row that ended without a stored batch before a person is told.
const BATCHES: u32 = 3;
/// How long nothing can be leased before a person is told, and told again.
const WAIT: Duration = Duration::from_secs(5);
const MOST_WAIT: Duration = Duration::from_secs(300);

/// What the slots of a signer have failed to do lately.
#[derive(Debug, Default)]
pub(crate) struct Setbacks {
    /// Batches in hand: a signer that has one does not stand still, whatever its other slots wait for.
    in_hand: u32,
    batches: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    told_after: Duration,
}

impl Setbacks {
    /// A batch was leased.
    pub(crate) fn leased(&mut self) {
        self.in_hand += 1;
    }

    /// A batch is in hand no more.
    pub(crate) fn ended(&mut self) {
        self.in_hand = self.in_hand.saturating_sub(1);
    }

    /// It was stored.
    pub(crate) fn stored(&mut self) {
        self.batches = 0;
    }

    /// A lease ended without a stored batch, because of `why`. True when a person was told.
    pub(crate) fn not_stored(&mut self, why: &str, part: usize) -> bool {
        self.batches += 1;
        let tell = self.batches.is_multiple_of(BATCHES);
        if tell {
            tracing::warn!(
                leases = self.batches,
                part_kib = part >> 10,
                "no batch could be stored under the last {} leases; the last time because {why}. If this goes on, \
                 give leases more time (leaseDuration), or have smaller batches (batchSize)",
                self.batches
            );
        }
        tell
    }

    /// Nothing could be leased, because of `why`. True when a person was told: after a while, and then ever more
    /// seldom.
    pub(crate) fn waits(&mut self, why: &str, now: Instant) -> bool {
        if self.in_hand > 0 {
            self.waiting = None;
            return false;
        }
        let waiting = self.waiting.get_or_insert(Waiting { since: now, told_after: WAIT });
        let waited = now.saturating_duration_since(waiting.since);
        let tell = waited >= waiting.told_after;
        if tell {
            waiting.told_after = (waiting.told_after * 2).min(waited + MOST_WAIT);
            tracing::warn!("nothing could be leased for {} s: {why}", waited.as_secs());
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_batch_in_a_row_that_is_not_stored_is_told() {
        let mut setbacks = Setbacks::default();
        let told: Vec<bool> = (0..6).map(|_| setbacks.not_stored("of a test", 1 << 20)).collect();
        assert_eq!(told, [false, false, true, false, false, true]);
        setbacks.not_stored("of a test", 1 << 20);
        setbacks.stored();
        assert!(!setbacks.not_stored("of a test", 1 << 20) && !setbacks.not_stored("of a test", 1 << 20));
    }

    #[test]
    fn a_wait_is_told_after_seconds_and_then_ever_more_seldom() {
        let mut setbacks = Setbacks::default();
        let began = Instant::now();
        let told = (0..60).filter(|s| setbacks.waits("of a test", began + Duration::from_secs(*s)));
        assert_eq!(told.collect::<Vec<_>>(), [5, 10, 20, 40]);
    }

    #[test]
    fn a_signer_with_a_batch_in_hand_does_not_wait() {
        let mut setbacks = Setbacks::default();
        let began = Instant::now();
        setbacks.leased();
        let told = (0..60).filter(|s| setbacks.waits("of a test", began + Duration::from_secs(*s)));
        assert_eq!(told.count(), 0);
        setbacks.ended();
        let told = (60..70).filter(|s| setbacks.waits("of a test", began + Duration::from_secs(*s)));
        assert_eq!(told.collect::<Vec<_>>(), [65]);
    }
}
