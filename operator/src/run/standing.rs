//! What holds a run up, in a form that stays the same while nothing is news: it goes into the status.

use chancery_store::standstill::Standstill;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// By how much two looks may differ in when leases end, and still tell the same.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// What holds a run up, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) why: Standstill,
    /// When the last of the leases that nobody renews may be taken back; since when those are kept that somebody renews.
    pub(crate) when: Timestamp,
}

impl Standing {
    /// As found now.
    pub(crate) fn new(why: Standstill, now: Timestamp) -> Self {
        let left = match &why {
            Standstill::Silent { seconds_left, .. } => *seconds_left,
            Standstill::Kept { seconds, .. } => -*seconds,
            Standstill::Busy => 0.0,
        };
        let left = SignedDuration::try_from_secs_f64(left.ceil()).unwrap_or(SignedDuration::MAX);
        let when = now.checked_add(left).unwrap_or(Timestamp::MAX);
        Self { why, when: Timestamp::from_second(when.as_second()).unwrap_or(when) }
    }

    /// Whether a person would read the same of both.
    pub(crate) fn tells_the_same(&self, other: &Self) -> bool {
        match (&self.why, &other.why) {
            (
                Standstill::Silent { scarce, held, holders, seconds_left: _ },
                Standstill::Silent { scarce: scarce2, held: held2, holders: holders2, seconds_left: _ },
            ) => (scarce, held, holders) == (scarce2, held2, holders2) && self.is_as_late_as(other),
            (
                Standstill::Kept { holders, seconds: _ },
                Standstill::Kept { holders: holders2, seconds: _ },
            ) => holders == holders2 && self.is_as_late_as(other),
            (Standstill::Busy, Standstill::Busy) => true,
            _ => false,
        }
    }

    fn is_as_late_as(&self, other: &Self) -> bool {
        self.when.duration_since(other.when).abs() <= TOLERANCE
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
        assert_eq!(silent(&["a"], 9.2).when, Timestamp::constant(1_800_000_010, 0));
    }

    #[test]
    fn it_is_news_who_holds_what_and_if_it_takes_much_longer() {
        let known = silent(&["a"], 9.2);
        assert!(known.tells_the_same(&silent(&["a"], 12.0)));
        assert!(!known.tells_the_same(&silent(&["a"], 20.0)));
        assert!(!known.tells_the_same(&silent(&["a", "b"], 9.2)));
        let busy = Standing::new(Standstill::Busy, NOW);
        assert!(!known.tells_the_same(&busy) && busy.tells_the_same(&busy));
        let kept = |later: i64, seconds: f64| {
            let now = NOW.checked_add(SignedDuration::from_secs(later)).expect("a time");
            Standing::new(Standstill::Kept { holders: vec!["a".to_owned()], seconds }, now)
        };
        assert!(kept(0, 90.0).tells_the_same(&kept(30, 120.3)), "it is the same lease");
        assert!(!kept(0, 90.0).tells_the_same(&kept(300, 90.0)), "another one of theirs");
    }
}
