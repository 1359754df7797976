//! Why a run stands still, said within seconds and not over and over.

use std::time::{Duration, Instant};

use chancery_store::Progress;
use chancery_store::standstill::{Standstill, Stillness};

/// How long the same reason is not told again.
const SAID: Duration = Duration::from_secs(30);

/// Notices that a run does not get on, and what a person has been told of it.
#[derive(Debug, Default)]
pub(super) struct ToldStandstill {
    stillness: Option<Stillness>,
    told: Option<(Told, Instant)>,
}

/// What is news if it changes.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Silent(Vec<String>),
    Kept(Vec<String>),
    Busy,
}

impl ToldStandstill {
    /// Whether nothing has been signed for so long that somebody should look why.
    pub(super) fn stands(&mut self, progress: &Progress, now: Instant) -> bool {
        let stillness = self.stillness.get_or_insert_with(|| Stillness::new(progress, now));
        stillness.look(progress, now);
        let stands = stillness.is_standstill(now);
        if !stands {
            self.told = None;
        }
        stands
    }

    /// What to tell a person; none if there is nothing new to tell.
    pub(super) fn news(&mut self, run: &str, why: Option<Standstill>, now: Instant) -> Option<String> {
        let why = why?;
        let (news, when) = match &why {
            Standstill::Silent { holders, seconds_left, .. } => {
                (Told::Silent(holders.clone()), format!("within {seconds_left:.0} s"))
            }
            Standstill::Kept { holders, seconds, .. } => {
                (Told::Kept(holders.clone()), format!("for {seconds:.0} s"))
            }
            Standstill::Busy => (Told::Busy, String::new()),
        };
        let is_known =
            |(told, at): &(Told, Instant)| *told == news && now.saturating_duration_since(*at) < SAID;
        if self.told.as_ref().is_some_and(is_known) {
            return None;
        }
        let still = self.stillness.map_or(Duration::ZERO, |stillness| stillness.lasts(now)).as_secs();
        self.told = Some((news, now));
        Some(format!("nothing was signed for {still} s: {}", why.sentence(run, &when)))
    }
}

#[cfg(test)]
mod tests {
    use chancery_store::standstill::Scarce;

    use super::*;

    fn silent(holder: &str) -> Option<Standstill> {
        Some(Standstill::Silent {
            scarce: Scarce::Keys,
            held: 2,
            holders: vec![holder.to_owned()],
            seconds_left: 12.3,
        })
    }

    #[test]
    fn holders_that_do_not_renew_are_named_once_in_a_while() {
        let now = Instant::now();
        let mut standstill = ToldStandstill::default();
        let said = standstill.news("demo", silent("gone"), now).expect("something to say");
        for words in ["nothing was signed for", "(gone)", "within 12 s", "chancery lease release demo HOLDER"]
        {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
        assert_eq!(standstill.news("demo", silent("gone"), now), None, "just said");
        assert!(standstill.news("demo", silent("gone"), now + SAID).is_some());
        assert!(standstill.news("demo", silent("other"), now + SAID).is_some());
        assert!(standstill.news("demo", Some(Standstill::Busy), now + SAID).is_some());
        assert_eq!(standstill.news("demo", Some(Standstill::Busy), now + SAID), None, "just said");
        assert_eq!(standstill.news("demo", None, now + SAID * 2), None);
    }
}
