//! When a lease runs out: `expires_at` and `doubted_at`, as the database's clock sees them.
//!
//! Time is counted in halves of a lease's duration. A lease that is renewed has two of them left.

use crate::protocol::Protocol;

/// How far a clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Half a lease's duration.
    Half,
    /// So far that waiting does not make up for it.
    Far,
}

/// `expires_at - clock`, rounded up to halves of the duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Left {
    /// Negative, after the clock was set forward by far.
    OverByFar,
    /// At most so many halves. 0: not positive.
    Halves(u8),
    /// More than the duration, after the clock was set back by far: no waiting makes it less.
    Far,
}

/// `clock - doubted_at`, rounded down to halves of the duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Doubt {
    /// `doubted_at` is null.
    None,
    /// The clock was set back by far since.
    FarInTheFuture,
    /// The clock was set back by some since.
    InTheFuture,
    /// Less than half the duration ago.
    Fresh,
    /// At least half the duration ago.
    Ripe,
}

/// The duration, in halves of it.
const DURATION: u8 = 2;

/// `expires_at` and `doubted_at` of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Expiry {
    left: Left,
    doubt: Doubt,
}

impl Default for Expiry {
    /// Of a lease that is being granted or renewed.
    fn default() -> Self {
        Self { left: Left::Halves(DURATION), doubt: Doubt::None }
    }
}

impl Expiry {
    /// `expires_at <= clock`.
    pub(crate) fn is_over(self) -> bool {
        matches!(self.left, Left::OverByFar | Left::Halves(0))
    }

    /// `lease_renew`.
    pub(crate) fn renew(&mut self, protocol: &Protocol) {
        let Self { doubt, .. } = *self;
        *self = Self::default();
        if !protocol.renewal_clears_doubt {
            self.doubt = doubt;
        }
    }

    /// What a turn does about a lease that has no outcome. True when it is to be taken back.
    pub(crate) fn turn(&mut self, protocol: &Protocol) -> bool {
        let is_too_long = match self.left {
            Left::OverByFar => false,
            Left::Halves(halves) => halves > DURATION,
            Left::Far => true,
        };
        if is_too_long {
            if protocol.rebased {
                *self = Self::default();
            }
            return false;
        }
        if !protocol.doubted_first {
            return self.is_over();
        }
        if self.left > Left::Halves(DURATION / 2) {
            return false;
        }
        match self.doubt {
            Doubt::None => self.doubt = Doubt::Fresh,
            Doubt::FarInTheFuture | Doubt::InTheFuture if protocol.doubted_anew => self.doubt = Doubt::Fresh,
            Doubt::Ripe => return self.is_over(),
            Doubt::FarInTheFuture | Doubt::InTheFuture | Doubt::Fresh => {}
        }
        false
    }

    /// Half the duration passes, or the clock is set forward by it.
    pub(crate) fn tick(&mut self) {
        if let Left::Halves(halves) = &mut self.left {
            *halves = halves.saturating_sub(1);
        }
        self.doubt = match self.doubt {
            Doubt::InTheFuture => Doubt::Fresh,
            Doubt::Fresh => Doubt::Ripe,
            other => other,
        };
    }

    pub(crate) fn set_forward(&mut self, by: By) {
        match by {
            By::Half => self.tick(),
            By::Far => {
                self.left = Left::OverByFar;
                if self.doubt != Doubt::None {
                    self.doubt = Doubt::Ripe;
                }
            }
        }
    }

    /// `undone`: where the clock had been set forward by far, that is made good, and half the duration is left.
    pub(crate) fn set_back(&mut self, by: By, undone: bool) {
        match by {
            By::Half => {
                self.left = match self.left {
                    Left::Halves(halves) if halves <= DURATION => Left::Halves(halves + 1),
                    Left::OverByFar => Left::OverByFar,
                    Left::Halves(_) | Left::Far => Left::Far,
                };
                self.doubt = match self.doubt {
                    Doubt::Ripe => Doubt::Fresh,
                    Doubt::Fresh => Doubt::InTheFuture,
                    Doubt::InTheFuture => Doubt::FarInTheFuture,
                    other => other,
                };
            }
            By::Far => {
                let is_undone = undone && self.left == Left::OverByFar;
                self.left = if is_undone { Left::Halves(1) } else { Left::Far };
                if self.doubt != Doubt::None {
                    self.doubt = Doubt::FarInTheFuture;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOL: Protocol = Protocol::present();

    /// How many times half the duration passes, with a turn after each, until the lease is taken back.
    fn turns_until_taken(mut expiry: Expiry) -> usize {
        let taken = (0..10).position(|_| {
            expiry.tick();
            expiry.turn(&PROTOCOL)
        });
        taken.expect("the lease is taken back") + 1
    }

    #[test]
    fn a_lease_that_nobody_renews_is_taken_after_its_duration() {
        assert_eq!(turns_until_taken(Expiry::default()), 2);
    }

    #[test]
    fn a_turn_that_sees_a_lease_for_the_first_time_after_its_end_only_doubts_it() {
        let mut expiry = Expiry::default();
        (0..5).for_each(|_| expiry.tick());
        assert!(!expiry.turn(&PROTOCOL));
        assert_eq!(turns_until_taken(expiry), 1);
    }

    #[test]
    fn a_clock_set_back_by_far_prolongs_a_lease_by_no_more_than_its_duration_from_the_next_turn() {
        let mut expiry = Expiry::default();
        expiry.tick();
        expiry.set_back(By::Far, false);
        assert!(!expiry.turn(&PROTOCOL));
        assert_eq!(turns_until_taken(expiry), 2);
    }

    #[test]
    fn a_clock_set_forward_by_far_takes_no_lease_before_half_the_duration_has_passed() {
        let mut expiry = Expiry::default();
        expiry.set_forward(By::Far);
        assert!(!expiry.turn(&PROTOCOL));
        assert!(!expiry.turn(&PROTOCOL));
        assert_eq!(turns_until_taken(expiry), 1);
    }

    #[test]
    fn a_doubt_that_the_clock_was_set_back_to_before_is_raised_anew() {
        let mut expiry = Expiry::default();
        expiry.set_forward(By::Far);
        assert!(!expiry.turn(&PROTOCOL));
        expiry.set_back(By::Far, true);
        assert!(!expiry.turn(&PROTOCOL));
        assert_eq!(turns_until_taken(expiry), 1);
    }

    #[test]
    fn a_renewal_clears_the_doubt() {
        let mut expiry = Expiry::default();
        expiry.tick();
        assert!(!expiry.turn(&PROTOCOL));
        expiry.renew(&PROTOCOL);
        assert_eq!(expiry, Expiry::default());
    }
}
