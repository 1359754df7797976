//! Waiting longer after each failure, and never in step with others.

use std::time::Duration;

/// Growing pauses with full jitter: each is drawn evenly from nothing to a bound that doubles
/// ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that many who failed at the
/// same instant do not come back at the same instant.
#[derive(Clone, Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    bound: Duration,
}

impl Backoff {
    /// Bounds that grow from `least` to `most`.
    #[must_use]
    pub const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, bound: least }
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.bound.mul_f64(rand::random::<f64>());
        self.bound = (self.bound * 2).min(self.most);
        pause
    }

    /// Begins again with the least bound: what was waited for has come.
    pub fn reset(&mut self) {
        self.bound = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_up_to_the_most() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(35));
        for bound in [10, 20, 35, 35] {
            assert_eq!(backoff.bound, Duration::from_millis(bound));
            assert!(backoff.next_pause() <= Duration::from_millis(bound));
        }
        backoff.reset();
        assert_eq!(backoff.bound, Duration::from_millis(10));
    }

    #[test]
    fn two_that_fail_together_do_not_come_back_together() {
        let pauses = || {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
            std::array::from_fn::<_, 8, _>(|_| backoff.next_pause())
        };
        assert_ne!(pauses(), pauses());
    }
}
