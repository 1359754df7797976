//! How long a lease is surely ours.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::boot_instant::BootInstant;

/// Shares of the lease duration, counted from *before* the request was sent: the database counts
/// from when it granted the lease, which is later, so whatever was lost on the way is lost to us.
/// What is left after `FENCE` covers a database clock that runs faster than ours, by up to a tenth.
const RENEW: f64 = 0.33;
const LAST_SIGNATURE: f64 = 0.8;
const FENCE: f64 = 0.9;

/// The term of one lease, shared by the task that renews it and the thread that signs.
///
/// Moments are nanoseconds since boot. Each is read and written by itself: the thread looks at the last
/// signature only, the task at the others.
#[derive(Debug)]
pub(crate) struct Term {
    renewal: AtomicU64,
    last_signature: AtomicU64,
    fence: AtomicU64,
}

impl Term {
    /// A lease that was asked for at `asked` and lasts `duration`.
    pub(crate) fn new(asked: BootInstant, duration: Duration) -> Self {
        let at = |share| AtomicU64::new(nanos(asked + duration.mul_f64(share)));
        Self { renewal: at(RENEW), last_signature: at(LAST_SIGNATURE), fence: at(FENCE) }
    }

    /// The lease was renewed for `duration` by a request sent at `asked`.
    pub(crate) fn renewed(&self, asked: BootInstant, duration: Duration) {
        let new = Self::new(asked, duration);
        for (own, new) in [
            (&self.renewal, new.renewal),
            (&self.last_signature, new.last_signature),
            (&self.fence, new.fence),
        ] {
            own.store(new.into_inner(), Ordering::Release);
        }
    }

    /// The lease is known to be lost.
    pub(crate) fn lost(&self) {
        self.last_signature.store(0, Ordering::Release);
    }

    /// Whether another signature may be begun now.
    pub(crate) fn may_sign(&self) -> bool {
        BootInstant::now() < moment(&self.last_signature)
    }

    /// How long until the lease should be renewed.
    pub(crate) fn until_renewal(&self) -> Duration {
        BootInstant::now().saturating_until(moment(&self.renewal))
    }

    /// The moment from which on the key must not be in use, whatever happens to this process.
    pub(crate) fn fence(&self) -> BootInstant {
        moment(&self.fence)
    }
}

fn moment(nanos: &AtomicU64) -> BootInstant {
    BootInstant::from(Duration::from_nanos(nanos.load(Ordering::Acquire)))
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
        old.renewed(now, duration);
        assert!(old.may_sign());
        old.lost();
        assert!(!old.may_sign());
    }

    #[test]
    fn signing_stops_before_the_fence_and_the_fence_stands_before_the_end() {
        let term = Term::new(BootInstant::now(), Duration::from_secs(10));
        assert!(moment(&term.renewal) < moment(&term.last_signature));
        assert!(moment(&term.last_signature) < term.fence());
        assert!(term.fence() < BootInstant::now() + Duration::from_secs(10));
    }
}
