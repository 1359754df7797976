//! How many of a Job's pods may fail.
//!
//! The Job controller counts every pod that has ended before its work was done, and with it those that were evicted or stopped:
//! only so does it replace them at once. The operator counts those that failed by themselves, and sees to it that the Job
//! ends when these are more than may fail, and not before.

use chancery_api::ValidatedRun;

use crate::run::facts::JobView;

/// Pods that may be evicted or stopped, beside all that are at work, before an operator looks at the Job again. The Job is
/// changed once in so many.
const SPARE: u32 = 50;

/// What the Job's controller is told. A Job whose pods have failed too often is over as soon as it counts them too.
pub(crate) fn backoff_limit(run: &ValidatedRun, job: Option<&JobView>, parallelism: u32) -> u32 {
    if job.is_some_and(|job| job.failed > run.backoff_limit.into()) {
        return run.backoff_limit;
    }
    let stopped = job.map_or(0, |job| job.counted.saturating_sub(job.failed).max(0));
    let stopped = u32::try_from(stopped).unwrap_or(u32::MAX) / SPARE * SPARE;
    run.backoff_limit.saturating_add(parallelism).saturating_add(stopped).saturating_add(2 * SPARE)
}

/// Whether a Job that Kubernetes gave up has its pods to blame. It may have run out of pods that may be stopped while no operator
/// was there, or out of indexes.
pub(super) fn are_to_blame(run: &ValidatedRun, job: &JobView) -> bool {
    job.failed > run.backoff_limit.into() || 2 * job.failed > job.counted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::decide::tests::situation::{demo, running};

    fn job(failed: i64, counted: i64) -> JobView {
        JobView { failed, counted, ..running(2) }
    }

    #[test]
    fn a_job_ends_when_more_of_its_pods_have_failed_than_may_and_not_when_they_are_stopped() {
        let run = demo();
        let may_fail = i64::from(run.backoff_limit);
        let limit = |job: Option<JobView>| i64::from(backoff_limit(&run, job.as_ref(), 2));
        assert!(limit(None) > may_fail + 2, "all may be evicted at once");
        for stopped in 0..2_000 {
            for failed in [0, may_fail] {
                let left = limit(Some(job(failed, failed + stopped))) - failed - stopped;
                assert!(
                    left >= may_fail - failed + 2 + 50,
                    "{failed} failed, {stopped} stopped: {left} left"
                );
            }
            let counted = may_fail + 1 + stopped;
            assert!(limit(Some(job(may_fail + 1, counted))) < counted, "{stopped} stopped: it goes on");
        }
        let limits: std::collections::BTreeSet<_> =
            (0..100).map(|stopped| limit(Some(job(0, stopped)))).collect();
        assert_eq!(limits.len(), 2, "it is not changed for each pod");
    }

    #[test]
    fn pods_are_to_blame_when_too_many_or_most_of_what_is_counted_failed_by_themselves() {
        let run = demo();
        let limit = i64::from(run.backoff_limit);
        for (failed, counted, blamed) in [
            (0, 0, false),
            (0, 2_000, false),
            (limit, 200, false),
            (limit + 1, 200, true),
            (1, 1, true),
            (1, 2, false),
        ] {
            assert_eq!(are_to_blame(&run, &job(failed, counted)), blamed, "{failed} of {counted}");
        }
    }
}
