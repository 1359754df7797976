//! What the signer's own `Term` says at each of the model's moments.

use std::time::Duration;

use crate::boot_clock::EPOCH;
use crate::boot_instant::BootInstant;
use crate::protocol::Protocol;
use crate::term::Term;

/// Moments of a term: each begins when the clock of the database has moved by another half of the lease's
/// duration since the signer asked.
const MOMENTS: usize = 4;

/// The last moment: nothing changes any more.
pub(crate) const LAST: u8 = 3;

/// How much faster than the signer's the clock of the database may run (assumption 2).
const FASTER: f64 = 1.1;

/// What a signer may and suffers at the beginning of each moment of its term: with a clock as fast as the
/// database's, and with one that is as slow as assumption 2 allows.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    may_sign: [[bool; MOMENTS]; 2],
    fenced: [[bool; MOMENTS]; 2],
}

impl Moments {
    /// Asks the signer's `Term`, moment for moment.
    pub(crate) fn of(protocol: &Protocol) -> Self {
        let mut moments = Self { may_sign: [[false; MOMENTS]; 2], fenced: [[false; MOMENTS]; 2] };
        for (slow, faster) in [1.0, FASTER].into_iter().enumerate() {
            for (moment, halves) in [0.0, 1.0, 2.0, 3.0].into_iter().enumerate() {
                let share = halves / 2.0 / faster;
                let (may_sign, fenced) = if protocol.margin {
                    at(share, |term| (term.may_sign(), term.fence() <= BootInstant::now()))
                } else {
                    // The term is taken to last as long as the lease.
                    (share < 1.0, share >= 1.0)
                };
                moments.may_sign[slow][moment] = may_sign;
                moments.fenced[slow][moment] = fenced && protocol.fence;
            }
        }
        moments
    }

    pub(crate) fn may_sign(&self, moment: u8, slow: bool) -> bool {
        self.may_sign[usize::from(slow)][usize::from(moment)]
    }

    /// Whether the kernel has ended a process that was signing.
    pub(crate) fn fenced(&self, moment: u8, slow: bool) -> bool {
        self.fenced[usize::from(slow)][usize::from(moment)]
    }

    /// The first moment from which on nothing changes for a signer that is not signing.
    pub(crate) fn useless(&self) -> u8 {
        (0..LAST)
            .find(|moment| !self.may_sign(*moment, false) && !self.may_sign(*moment, true))
            .unwrap_or(LAST)
    }
}

/// Asks the term of a lease at this share of its duration.
fn at<T>(share: f64, ask: impl Fn(&Term) -> T) -> T {
    let duration = Duration::from_secs(1_000);
    let term = Term::new(BootInstant::from(EPOCH), duration);
    BootInstant::set(EPOCH + duration.mul_f64(share));
    let answer = ask(&term);
    BootInstant::set(EPOCH);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_signs_past_half_the_duration_and_is_fenced_off_before_the_end_even_with_a_slow_clock() {
        let moments = Moments::of(&Protocol::present());
        assert_eq!(moments.may_sign, [[true, true, false, false]; 2]);
        assert_eq!(moments.fenced, [[false, false, true, true]; 2]);
        assert_eq!(moments.useless(), 2);
    }

    /// What "renews in time" rests on.
    #[test]
    fn a_renewal_is_due_well_before_half_the_duration_even_with_a_slow_clock() {
        assert!(at(0.4 / FASTER, |term| term.until_renewal().is_zero()));
    }

    #[test]
    fn no_signature_is_begun_for_some_time_before_the_fence() {
        assert!(at(0.85, |term| !term.may_sign() && term.fence() > BootInstant::now()));
    }
}
