//! How fast a run is signed of late.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time over which the rate of signing is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// Looks that are closer to each other tell nothing.
const LEAST: Duration = Duration::from_millis(500);

/// What was signed at the last looks, from the first one on that saw signers at work: seconds in which they made keys, or
/// were only being started, are no part of a rate.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// Since the run was followed, or was last suspended.
    looks: VecDeque<(Instant, i64)>,
    signed: i64,
    /// Whether anything was signed between two of the looks.
    is_known: bool,
}

impl Pace {
    /// Of a run of which nothing was seen before.
    pub(crate) fn new(signed: i64) -> Self {
        Self { looks: VecDeque::new(), signed, is_known: false }
    }

    /// Adds what was read `now`, or before what was added last: how many records are signed, and whether the run is suspended.
    pub(crate) fn look(&mut self, signed: i64, is_suspended: bool, now: Instant) {
        let more = signed != self.signed;
        self.signed = signed;
        if is_suspended {
            // What is still stored was in hand before.
            self.looks.clear();
            self.is_known = false;
            return;
        }
        if self.looks.is_empty() && !more {
            return;
        }
        let now = self.looks.back().map_or(now, |(last, _)| now.max(*last));
        self.is_known |= more && !self.looks.is_empty();
        self.looks.push_back((now, signed));
        while self.looks.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.looks.pop_front();
        }
    }

    /// Signatures stored per second, over the last ten seconds; none until signers were seen at work twice, half a second
    /// apart.
    pub(crate) fn rate(&self) -> Option<f64> {
        let (&(first, least), &(last, most)) = (self.looks.front()?, self.looks.back()?);
        let time = last.duration_since(first);
        #[expect(clippy::cast_precision_loss, reason = "a run has far less than 2^52 records")]
        (self.is_known && time >= LEAST).then(|| (most - least) as f64 / time.as_secs_f64())
    }

    /// Whether the rate still falls although nothing more is signed.
    pub(crate) fn is_slowing(&self) -> bool {
        self.looks.front().is_some_and(|(_, signed)| *signed != self.signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate after looks, one per second, at a run with so many records signed; a minus sign says that it is suspended.
    fn rate_after(looks: &[i64]) -> Option<f64> {
        let began = Instant::now();
        let mut pace = Pace::new(looks[0]);
        for (look, second) in looks.iter().zip(0..) {
            pace.look(look.abs(), *look < 0, began + Duration::from_secs(second));
        }
        pace.rate()
    }

    #[test]
    fn seconds_before_the_first_signature_are_no_part_of_the_rate() {
        assert_eq!(rate_after(&[0, 0, 0, 0, 500]), None, "when signing began is not known");
        assert_eq!(rate_after(&[0, 0, 0, 0, 500, 1_500]), Some(1_000.0));
        assert_eq!(rate_after(&[0, 0, 0, 0, 500, 1_500, 2_500]), Some(1_000.0));
    }

    #[test]
    fn nor_are_those_of_a_suspension() {
        assert_eq!(rate_after(&[0, 100, 200, -250, -300, -300, 300, 300]), None);
        assert_eq!(rate_after(&[0, 100, 200, -250, -300, -300, 300, 300, 400, 600]), Some(200.0));
    }

    #[test]
    fn an_operator_that_comes_to_a_run_that_is_signed_knows_its_rate_at_the_third_look() {
        assert_eq!(rate_after(&[5_000, 5_100]), None);
        assert_eq!(rate_after(&[5_000, 5_100, 5_200]), Some(100.0));
    }

    #[test]
    fn the_rate_of_a_run_that_gets_no_further_falls_to_nothing() {
        let mut looks = vec![0, 100, 200];
        looks.extend([200; 9]);
        assert_eq!(rate_after(&looks), Some(10.0), "100 records in the ten seconds that are looked back");
        looks.push(200);
        assert_eq!(rate_after(&looks), Some(0.0));
    }

    #[test]
    fn a_great_batch_is_no_rate_before_the_next_one_is_stored() {
        assert_eq!(rate_after(&[0, 1_000, 1_000, 1_000]), None);
        assert_eq!(rate_after(&[0, 1_000, 1_000, 1_000, 2_000]), Some(1_000.0 / 3.0));
    }
}
