//! The clock by which a signer measures its leases.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The clock: it never goes back and, unlike [`std::time::Instant`], it goes on while the machine
/// sleeps (`CLOCK_BOOTTIME`).
pub(crate) const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;

/// A point in time: what passed since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootInstant(Duration);

impl BootInstant {
    /// This moment.
    ///
    /// # Panics
    ///
    /// Where there is no such clock: on anything but Linux 2.6.39 or newer.
    pub(crate) fn now() -> Self {
        let now = clock_gettime(CLOCK).expect("every Linux has CLOCK_BOOTTIME");
        Self(Duration::from(now))
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
