//! When a run began, when it was complete, and how long it took: by the ledger, which knows, and not by when an operator
//! looked.

use std::time::Duration;

use chancery_api::SigningRunStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::run::facts::LedgerRun;

/// See the module.
pub(super) struct Times {
    pub(super) start_time: Option<Time>,
    pub(super) completion_time: Option<Time>,
    /// From the start to the completion, or to now. None of a complete run that the ledger cannot be asked about.
    pub(super) took: Option<Duration>,
}

impl Times {
    /// Of a run whose work has `begun`. Without the ledger, what was said before stays.
    pub(super) fn of(
        ledger: Option<&LedgerRun>,
        previous: &SigningRunStatus,
        begun: bool,
        complete: bool,
        now: Timestamp,
    ) -> Self {
        let started = match ledger.filter(|_| begun) {
            Some(ledger) => Some(ledger.created_at),
            None => previous.start_time.as_ref().map(|time| time.0),
        };
        let completed = ledger.and_then(|ledger| ledger.completed_at).filter(|_| complete);
        let end = if complete { completed } else { Some(now) };
        Self {
            start_time: started.map(|time| Time(whole_second(time))),
            completion_time: match completed {
                Some(time) => Some(Time(whole_second(time))),
                None => previous.completion_time.clone().filter(|_| complete),
            },
            took: started.zip(end).map(|(start, end)| between(start, end)),
        }
    }
}

/// The second that has begun: an API server keeps whole seconds, and a time of the future is not due yet.
pub(crate) fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Clocks that do not agree are no reason for a negative time.
fn between(start: Timestamp, end: Timestamp) -> Duration {
    end.duration_since(start).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::SignedDuration;

    use crate::run::decide::tests::situation::{NOW, Situation, ago};

    #[test]
    fn a_run_that_was_complete_before_anybody_looked_took_as_long_as_the_ledger_says() {
        let long_ago = Situation::signed().stored(|ledger| {
            (ledger.created_at, ledger.completed_at) =
                (ago(600), Some(ago(590) + SignedDuration::from_millis(500)));
        });
        let status = long_ago.status();
        assert_eq!(status.start_time.map(|time| time.0), Some(ago(600)));
        assert_eq!(status.completion_time.map(|time| time.0), Some(ago(590)));
        assert_eq!(status.elapsed.as_deref(), Some("10s"));
        assert_eq!(status.signatures_per_second, Some(95), "1,000 records in 10.5 s");
    }

    #[test]
    fn an_operator_that_comes_later_says_the_same() {
        let first = Situation::signed().stored(|ledger| ledger.created_at = ago(100)).status();
        let again = Situation::signed()
            .stored(|ledger| ledger.created_at = ago(100))
            .object(|object| object.previous = first.clone());
        let later = crate::run::build::status::status(
            &again.run,
            &again.observed,
            &again.decide(),
            NOW + SignedDuration::from_secs(500),
        );
        assert_eq!(later, first);
    }
}
