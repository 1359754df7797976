//! How often, and when, somebody is asked again who gave no answer.

use std::time::Duration;

use chancery_api::{BackoffSpec, RetryStrategySpec};

/// When to ask again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    limit: u32,
    first: Duration,
    factor: u32,
    longest: Duration,
    jitter: f64,
}

impl Retry {
    /// As a policy has it.
    #[must_use]
    pub fn of(RetryStrategySpec { limit, backoff }: &RetryStrategySpec) -> Self {
        let BackoffSpec { duration, factor, max_duration, jitter } = backoff;
        // The schema has seen to all of these.
        Self {
            limit: limit.unsigned_abs(),
            first: duration.to_std().unwrap_or(Duration::from_secs(2)),
            factor: factor.unsigned_abs().max(1),
            longest: max_duration.to_std().unwrap_or(Duration::from_secs(60)),
            jitter: jitter.parse().unwrap_or(0.0_f64).clamp(0.0, 1.0),
        }
    }

    /// Whether the attempt that comes after so many failed ones is the last.
    #[must_use]
    pub const fn is_last(&self, failed: u32) -> bool {
        failed >= self.limit
    }

    /// How long to wait after so many failed attempts; `chance`, from 0 to 1, says which of the times that the jitter allows.
    #[must_use]
    pub fn pause(&self, failed: u32, chance: f64) -> Duration {
        let grown = self
            .factor
            .checked_pow(failed.saturating_sub(1))
            .and_then(|factor| self.first.checked_mul(factor));
        let pause = grown.map_or(self.longest, |grown| grown.min(self.longest));
        pause.mul_f64(1.0 + self.jitter * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(jitter: &str) -> Retry {
        let backoff = BackoffSpec { jitter: jitter.to_owned(), ..BackoffSpec::default() };
        Retry::of(&RetryStrategySpec { limit: 3, backoff })
    }

    #[test]
    fn each_pause_is_longer_by_the_factor_up_to_the_longest() {
        let retry = retry("0");
        let pauses: Vec<u64> = (1..9).map(|failed| retry.pause(failed, 0.9).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(retry.pause(u32::MAX, 0.5), Duration::from_secs(60));
    }

    #[test]
    fn jitter_makes_a_pause_longer_or_shorter_by_its_part() {
        let of = |chance| retry("0.5").pause(1, chance).as_millis();
        assert_eq!((of(0.0), of(0.5), of(1.0)), (1_000, 2_000, 3_000));
    }

    #[test]
    fn the_limit_counts_what_comes_after_the_first_attempt() {
        let retry = retry("0");
        assert_eq!(
            (0..5).map(|failed| retry.is_last(failed)).collect::<Vec<_>>(),
            [false, false, false, true, true]
        );
    }
}
