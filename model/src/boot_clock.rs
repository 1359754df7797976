//! A clock that stands where it is put: what `signer-job/src/term.rs` reads when it runs in the model.

use std::cell::Cell;
use std::time::Duration;

/// Late enough that no moment of a term lies before the machine's start.
pub(crate) const EPOCH: Duration = Duration::from_secs(1_000_000);

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(EPOCH) };
}

/// A point in time: what passed since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootInstant(Duration);

impl BootInstant {
    /// Where this thread's clock stands.
    pub(crate) fn now() -> Self {
        Self(NOW.get())
    }

    /// Puts this thread's clock.
    pub(crate) fn set(now: Duration) {
        NOW.set(now);
    }

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

impl std::ops::Add<Duration> for BootInstant {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        Self(self.0 + more)
    }
}
