//! The clock by which a signer measures its leases.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::boot_instant::BootInstant;

/// The clock: it never goes back and, unlike [`std::time::Instant`], it goes on while the machine
/// sleeps (`CLOCK_BOOTTIME`).
pub(crate) const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;

impl BootInstant {
    /// This moment.
    ///
    /// # Panics
    ///
    /// Where there is no such clock: on anything but Linux 2.6.39 or newer.
    pub(crate) fn now() -> Self {
        let now = clock_gettime(CLOCK).expect("every Linux has CLOCK_BOOTTIME");
        Self::from(Duration::from(now))
    }
}
