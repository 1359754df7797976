//! What holds a run up, in a form that stays the same while nothing is news: it goes into the status.

use chancery_store::standstill::Standstill;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// By how much two looks may differ in when leases end, and still tell the same.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// What holds a run up, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) why: Standstill,
    /// When the last of the leases that nobody renews may be taken back.
    pub(crate) until: Timestamp,
}

impl Standing {
    /// As found now.
    pub(crate) fn new(why: Standstill, now: Timestamp) -> Self {
        let left = match &why {
            Standstill::Silent { seconds_left, .. } => *seconds_left,
            Standstill::Busy => 0.0,
        };
        let left = SignedDuration::try_from_secs_f64(left.ceil()).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(left).unwrap_or(Timestamp::MAX);
        Self { why, until: Timestamp::from_second(until.as_second()).unwrap_or(until) }
    }

    /// Whether a person would read the same of both.
    pub(crate) fn tells_the_same(&self, other: &Self) -> bool {
        match (&self.why, &other.why) {
            (
                Standstill::Silent { scarce, held, holders, seconds_left: _ },
                Standstill::Silent { scarce: scarce2, held: held2, holders: holders2, seconds_left: _ },
            ) => {
                (scarce, held, holders) == (scarce2, held2, holders2)
                    && self.until.duration_since(other.until).abs() <= TOLERANCE
            }
            (Standstill::Busy, Standstill::Busy) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use chancery_store::standstill::Scarce;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 500_000_000);

    fn silent(holders: &[&str], seconds_left: f64) -> Standing {
        let holders: Vec<String> = holders.iter().map(|&holder| holder.to_owned()).collect();
        Standing::new(Standstill::Silent { scarce: Scarce::Keys, held: 2, holders, seconds_left }, NOW)
    }

    #[test]
    fn the_end_of_a_lease_is_a_whole_second() {
        assert_eq!(silent(&["a"], 9.2).until, Timestamp::constant(1_800_000_010, 0));
    }

    #[test]
    fn it_is_news_who_holds_what_and_if_it_takes_much_longer() {
        let known = silent(&["a"], 9.2);
        assert!(known.tells_the_same(&silent(&["a"], 12.0)));
        assert!(!known.tells_the_same(&silent(&["a"], 20.0)));
        assert!(!known.tells_the_same(&silent(&["a", "b"], 9.2)));
        let busy = Standing::new(Standstill::Busy, NOW);
        assert!(!known.tells_the_same(&busy) && busy.tells_the_same(&busy));
    }
}
