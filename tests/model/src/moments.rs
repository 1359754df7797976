//! What the signer's own `Term` says at each of the model's moments.

use std::time::Duration;

use crate::boot_clock::EPOCH;
use crate::boot_instant::BootInstant;
use crate::protocol::Protocol;
use crate::term::Term;

/// Where a lease of duration 1 stands at each moment, one point within each stretch between the
/// thresholds of `docs/internals/lease-protocol.md`: good for signing (and renewing), too late for another
/// signature, fenced off, over. A tick of a clock in the model is the step from one moment to the next.
const SHARES: [f64; 4] = [0.5, 0.85, 0.95, 1.05];

/// The last moment: on the database's clock the lease has run out.
pub(crate) const OVER: u8 = 3;

/// What a signer may, must and suffers at each moment of its term.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    renewal_due: [bool; 4],
    may_sign: [bool; 4],
    fenced: [bool; 4],
}

impl Moments {
    /// Asks the signer's `Term`, moment for moment.
    pub(crate) fn of(protocol: &Protocol) -> Self {
        let duration = Duration::from_secs(1_000);
        let term = Term::new(BootInstant::from(EPOCH), duration);
        let mut moments = Self { renewal_due: [false; 4], may_sign: [false; 4], fenced: [false; 4] };
        for (index, share) in SHARES.into_iter().enumerate() {
            BootInstant::set(EPOCH + duration.mul_f64(share));
            moments.renewal_due[index] = term.until_renewal().is_zero();
            moments.may_sign[index] = term.may_sign();
            moments.fenced[index] = term.fence() <= BootInstant::now();
        }
        BootInstant::set(EPOCH);
        if !protocol.margin {
            // The term is taken to last as long as the lease.
            moments.may_sign = [true, true, true, false];
            moments.fenced = [false, false, false, true];
        }
        if !protocol.fence {
            moments.fenced = [false; 4];
        }
        moments
    }

    pub(crate) fn renewal_due(&self, moment: u8) -> bool {
        self.renewal_due[usize::from(moment)]
    }

    pub(crate) fn may_sign(&self, moment: u8) -> bool {
        self.may_sign[usize::from(moment)]
    }

    /// Whether the kernel has ended a process that was signing.
    pub(crate) fn fenced(&self, moment: u8) -> bool {
        self.fenced[usize::from(moment)]
    }

    /// The first moment from which on nothing changes for a signer that is not signing.
    pub(crate) fn useless(&self) -> u8 {
        (0..OVER).find(|moment| !self.may_sign(*moment)).unwrap_or(OVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_of_the_term_lies_between_two_moments() {
        let moments = Moments::of(&Protocol::present());
        assert_eq!(moments.renewal_due, [true; 4]);
        assert_eq!(moments.may_sign, [true, false, false, false]);
        assert_eq!(moments.fenced, [false, false, true, true]);
    }
}
