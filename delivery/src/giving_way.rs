//! Lets signers on the same processors go first. That others have a higher priority is not enough: what is asked of the database meanwhile is done
//! with that of the database, and signers wait for it.

use std::time::Duration;

use chancery_process::waited_for_processors;

/// For how many times as long as this process has waited for processors it leaves them alone.
const TIMES: u32 = 16;

/// And for how long at the most: what is signed is to be brought, too.
const MOST: Duration = Duration::from_secs(2);

/// What this process had waited when something began; none if nobody is let go first.
pub(crate) struct GivingWay(Option<Duration>);

impl GivingWay {
    pub(crate) fn begin(others_go_first: bool) -> Self {
        Self(others_go_first.then(waited_for_processors).flatten())
    }

    /// For how long whoever has done it now does nothing: not at all where there are processors for all.
    pub(crate) fn pause(&self) -> Duration {
        let waited = self.0.and_then(|before| waited_for_processors()?.checked_sub(before));
        waited.map_or(Duration::ZERO, pause_of)
    }
}

fn pause_of(waited: Duration) -> Duration {
    (waited * TIMES).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_gives_way_for_longer_up_to_two_seconds_and_only_if_asked() {
        let millis = Duration::from_millis;
        assert_eq!(
            [0, 50, 125, 3_600_000].map(|waited| pause_of(millis(waited))),
            [0, 800, 2_000, 2_000].map(millis)
        );
        assert_eq!(GivingWay::begin(false).pause(), Duration::ZERO);
        assert_eq!(GivingWay(Some(Duration::MAX)).pause(), Duration::ZERO, "threads have ended");
    }
}
