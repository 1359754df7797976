//! How much the connection to the database carries within a lease.

use std::time::Duration;

use chancery_store::lease::PART_BYTES;

/// What is asked for at once before anything is known of the connection.
const FIRST: usize = 1 << 20;
/// Less would be mostly round trips.
const LEAST: usize = 16 << 10;
/// The share of a lease that one part may take: renewals wait for it, and come every third.
const SHARE: u32 = 8;

/// The size of parts in which payloads are fetched and signatures stored. On a fast connection it does not matter; on a
/// slow one, a part that takes longer than a lease would lose the lease each time anew.
#[derive(Debug)]
pub(crate) struct Link {
    part: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self { part: FIRST }
    }
}

impl Link {
    /// Bytes to transfer at once.
    pub(crate) fn part(&self) -> usize {
        self.part
    }

    /// A part of so many bytes was transferred, under a lease of this duration.
    pub(crate) fn carried(&mut self, bytes: usize, took: Duration, lease: Duration) {
        let allowed = lease / SHARE;
        let fits = bytes as f64 * allowed.as_secs_f64() / took.as_secs_f64().max(1e-6);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bounds of parts"
        )]
        let fits = fits.clamp(LEAST as f64, PART_BYTES as f64) as usize;
        // A small part takes a round trip, whatever the connection carries: it says that more fits, never that less does.
        if took > allowed || fits > self.part {
            self.part = fits;
        }
    }

    /// The connection broke while a part was transferred.
    pub(crate) fn broke(&mut self) {
        self.part = (self.part / 4).max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(8);

    #[test]
    fn a_slow_connection_is_asked_for_what_it_carries_in_an_eighth_of_a_lease() {
        let mut link = Link::default();
        link.carried(FIRST, Duration::from_secs(4), LEASE);
        assert_eq!(link.part(), FIRST / 4);
        link.carried(FIRST / 4, Duration::from_secs(1), LEASE);
        assert_eq!(link.part(), FIRST / 4, "it fits exactly");
    }

    #[test]
    fn a_fast_connection_is_asked_for_whole_parts() {
        let mut link = Link::default();
        link.carried(1 << 18, Duration::from_millis(1), LEASE);
        assert_eq!(link.part(), PART_BYTES);
        link.carried(10, Duration::from_millis(100), LEASE);
        assert_eq!(link.part(), PART_BYTES, "a few bytes say nothing");
        link.carried(0, Duration::ZERO, LEASE);
        assert_eq!(link.part(), PART_BYTES);
    }

    #[test]
    fn a_connection_that_breaks_is_asked_for_less_but_never_for_nothing() {
        let mut link = Link::default();
        let parts = std::iter::from_fn(|| {
            link.broke();
            Some(link.part())
        });
        let parts: Vec<usize> = parts.take(5).collect();
        assert!(parts.is_sorted_by(|larger, smaller| larger >= smaller), "{parts:?}");
        assert_eq!(parts.last(), Some(&LEAST));
    }
}
