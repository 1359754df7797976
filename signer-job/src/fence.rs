//! The last guard of a lease: the kernel kills a process before it can outlive its lease while it
//! signs.
//!
//! A signer looks at the clock before each record. But it may be stopped (SIGSTOP, a debugger, the
//! cgroup freezer) *between* that look and the signature, for minutes, and would then finish one
//! signature with a key that another signer holds by now. So for as long as it signs, a kernel timer
//! stands at the lease's last safe moment, whose signal is SIGKILL: that needs no instruction of
//! ours, cannot be caught or blocked, and ends a stopped process too. A signer that works on
//! disarms it every time long before.

use nix::errno::Errno;
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};

use crate::boot_clock::CLOCK;
use crate::boot_instant::BootInstant;

/// Ends this process at the given moment, unless it is moved or dropped before.
#[derive(Debug)]
pub(crate) struct Fence {
    timer: Timer,
}

impl Fence {
    /// Puts up the fence. A moment that has passed ends the process here.
    ///
    /// # Errors
    ///
    /// When the kernel has no timer left: nothing may be signed then.
    pub(crate) fn put_up(at: BootInstant) -> Result<Self, Errno> {
        let event = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        let mut fence = Self { timer: Timer::new(CLOCK, event)? };
        fence.move_to(at)?;
        Ok(fence)
    }

    /// Moves the fence to a later moment: the lease was renewed.
    ///
    /// # Errors
    ///
    /// When the kernel refuses; the fence then stays where it was.
    pub(crate) fn move_to(&mut self, at: BootInstant) -> Result<(), Errno> {
        // Absolute: a pause between computing a remaining time and setting it would move the fence.
        self.timer.set(
            Expiration::OneShot(TimeSpec::from_duration(at.since_boot())),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )
    }
}
