//! A clock that stands where it is put: what `signer-job/src/term.rs` reads when it runs in the model.

use std::cell::Cell;
use std::time::Duration;

use crate::boot_instant::BootInstant;

/// Late enough that no moment of a term lies before the machine's start.
pub(crate) const EPOCH: Duration = Duration::from_secs(1_000_000);

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(EPOCH) };
}

impl BootInstant {
    /// Where this thread's clock stands.
    pub(crate) fn now() -> Self {
        Self::from(NOW.get())
    }

    /// Puts this thread's clock.
    pub(crate) fn set(now: Duration) {
        NOW.set(now);
    }
}
