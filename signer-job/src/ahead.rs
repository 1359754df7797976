//! Whether a slot acquires the lease of its next batch before it stores the one in hand.

/// Batches that are stored first, at the most, before the ring is tried again.
const MOST: u32 = 64;

/// What a slot has met when it asked for a second key.
///
/// Where keys are scarce, a slot that has two while it stores keeps others from signing. So each time that the ring has no
/// free key, the slot stores twice as many batches first before it tries again, and each time that it has one, half as many the
/// next time.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    stored_first: u32,
    left: u32,
}

impl Ahead {
    /// A batch is about to be stored: whether the next lease is to be acquired before.
    pub(crate) const fn is_due(&mut self) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        false
    }

    /// The ring had a free key.
    pub(crate) const fn found_a_key(&mut self) {
        self.stored_first /= 2;
    }

    /// The ring had none.
    pub(crate) fn found_no_key(&mut self) {
        self.stored_first = (self.stored_first * 2).clamp(1, MOST);
        self.left = self.stored_first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many batches are stored first until the next lease is due.
    fn stored_first(ahead: &mut Ahead) -> u32 {
        let mut count = 0;
        while !ahead.is_due() {
            count += 1;
        }
        count
    }

    #[test]
    fn the_next_lease_is_acquired_first_as_long_as_there_are_keys() {
        let mut ahead = Ahead::default();
        for _ in 0..3 {
            assert!(ahead.is_due());
            ahead.found_a_key();
        }
    }

    #[test]
    fn a_ring_without_a_free_key_is_tried_ever_more_seldom_but_never_given_up() {
        let mut ahead = Ahead::default();
        let tried = (0..9).map(|_| {
            ahead.found_no_key();
            stored_first(&mut ahead)
        });
        assert_eq!(tried.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_key_that_was_free_once_does_not_make_a_slot_forget_that_keys_are_scarce() {
        let mut ahead = Ahead::default();
        for _ in 0..5 {
            ahead.found_no_key();
        }
        assert_eq!(stored_first(&mut ahead), 16);
        ahead.found_a_key();
        assert!(ahead.is_due());
        ahead.found_no_key();
        assert_eq!(stored_first(&mut ahead), 16);
        for _ in 0..5 {
            ahead.found_a_key();
        }
        ahead.found_no_key();
        assert_eq!(stored_first(&mut ahead), 1);
    }
}
