//! Moments on the clock of [`crate::boot_clock`], which alone tells what time it is.

use std::ops::Add;
use std::time::Duration;

/// A point in time: what passed since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootInstant(Duration);

impl BootInstant {
    pub(crate) fn since_boot(self) -> Duration {
        self.0
    }

    pub(crate) fn saturating_until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

impl From<Duration> for BootInstant {
    fn from(since_boot: Duration) -> Self {
        Self(since_boot)
    }
}

impl Add<Duration> for BootInstant {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        Self(self.0 + more)
    }
}
