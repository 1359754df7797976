//! How long a lease is surely ours.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::boot_clock::BootInstant;

/// Shares of the lease duration, counted from *before* the request was sent: the database counts
/// from when it granted the lease, which is later, so whatever was lost on the way is lost to us.
/// What is left after `FENCE` covers a database clock that runs faster than ours, by up to a tenth.
const RENEW: f64 = 0.33;
const LAST_SIGNATURE: f64 = 0.8;
const FENCE: f64 = 0.9;

/// The term of one lease, shared by the task that renews it and the thread that signs.
#[derive(Debug)]
pub(crate) struct Term {
    duration: Duration,
    /// Nanoseconds since boot at which the lease was asked for or last renewed; 0 once it is lost.
    since: AtomicU64,
}

impl Term {
    /// A lease that was asked for at `asked` and lasts `duration`.
    pub(crate) fn new(asked: BootInstant, duration: Duration) -> Self {
        Self { duration, since: AtomicU64::new(nanos(asked)) }
    }

    /// The lease was renewed by a request sent at `asked`.
    pub(crate) fn renewed(&self, asked: BootInstant) {
        self.since.store(nanos(asked), Ordering::Release);
    }

    /// The lease is known to be lost.
    pub(crate) fn lost(&self) {
        self.since.store(0, Ordering::Release);
    }

    /// Whether another signature may be begun now.
    pub(crate) fn may_sign(&self) -> bool {
        BootInstant::now() < self.at(LAST_SIGNATURE)
    }

    /// How long until the lease should be renewed.
    pub(crate) fn until_renewal(&self) -> Duration {
        BootInstant::now().saturating_until(self.at(RENEW))
    }

    /// The moment from which on the key must not be in use, whatever happens to this process.
    pub(crate) fn fence(&self) -> BootInstant {
        self.at(FENCE)
    }

    fn at(&self, share: f64) -> BootInstant {
        match self.since.load(Ordering::Acquire) {
            0 => BootInstant::from(Duration::ZERO),
            since => BootInstant::from(Duration::from_nanos(since)) + self.duration.mul_f64(share),
        }
    }
}

/// Saturates after 584 years of uptime.
fn nanos(instant: BootInstant) -> u64 {
    u64::try_from(instant.since_boot().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_lease_may_be_signed_under_and_an_old_one_may_not() {
        let duration = Duration::from_secs(10);
        let now = BootInstant::now();
        assert!(Term::new(now, duration).may_sign());
        let asked_long_ago =
            BootInstant::from(now.since_boot().saturating_sub(duration.mul_f64(LAST_SIGNATURE)));
        let old = Term::new(asked_long_ago, duration);
        assert!(!old.may_sign());
        old.renewed(now);
        assert!(old.may_sign());
        old.lost();
        assert!(!old.may_sign());
    }

    #[test]
    fn signing_stops_before_the_fence_and_the_fence_stands_before_the_end() {
        let term = Term::new(BootInstant::now(), Duration::from_secs(10));
        assert!(term.at(RENEW) < term.at(LAST_SIGNATURE));
        assert!(term.at(LAST_SIGNATURE) < term.fence());
        assert!(term.fence() < term.at(1.0));
    }
}
