//! What a Job needs next: decided from the Job and its pods, without reading or writing anything.
//!
//! A Job without `completions` is a work queue: the first pod that succeeds says that there is no
//! more work, so no pod is started any more, and the Job is complete once the others have ended.

use std::collections::HashSet;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::exit_rules::{Verdict, judge};
use super::job_status::{find, holds, is_finished, set};
use super::kubelet::has_ended;

/// By it a pod stays until it has been counted.
pub(crate) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// What is to be done, in this order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) status: JobStatus,
    /// Pods (by name and uid) that are counted in that status and may go.
    pub(crate) release: Vec<(String, String)>,
    pub(crate) delete: Vec<String>,
    pub(crate) create: usize,
}

/// What the pods of a Job are up to.
struct Census<'p> {
    /// Neither ended nor deleted.
    active: Vec<&'p Pod>,
    /// Deleted, and not ended yet.
    terminating: usize,
}

/// Decides. `counted` are the pods that an earlier status has counted already.
pub(crate) fn plan(job: &Job, pods: &[Pod], counted: &HashSet<String>, now: &Time) -> Plan {
    let mut plan = Plan { status: job.status.clone().unwrap_or_default(), ..Plan::default() };
    plan.status.uncounted_terminated_pods = Some(Default::default());
    if is_finished(&plan.status) {
        plan.release = tracked(pods).map(named).collect();
        return plan;
    }
    let suspended = spec(job).suspend.unwrap_or_default();
    suspension(&mut plan.status, suspended, now);
    let census = Census {
        active: pods
            .iter()
            .filter(|pod| !has_ended(pod) && pod.metadata.deletion_timestamp.is_none())
            .collect(),
        terminating: pods
            .iter()
            .filter(|pod| !has_ended(pod) && pod.metadata.deletion_timestamp.is_some())
            .count(),
    };
    let failure = count(&mut plan, job, pods, counted);
    let failure = failure.or_else(|| exceeded(job, &plan.status));
    if let Some((reason, message)) = failure {
        set(&mut plan.status, "FailureTarget", true, reason, &message, now);
    }
    staff(&mut plan, job, &census, suspended);
    finish(&mut plan, &census, suspended, now);
    plan
}

fn spec(job: &Job) -> k8s_openapi::api::batch::v1::JobSpec {
    job.spec.clone().unwrap_or_default()
}

fn tracked(pods: &[Pod]) -> impl Iterator<Item = &Pod> {
    pods.iter().filter(|pod| pod.finalizers().iter().any(|finalizer| finalizer == FINALIZER))
}

fn named(pod: &Pod) -> (String, String) {
    (pod.name_any(), pod.uid().unwrap_or_default())
}

fn suspension(status: &mut JobStatus, suspended: bool, now: &Time) {
    if suspended {
        set(status, "Suspended", true, "JobSuspended", "Job suspended", now);
        status.start_time = None;
    } else {
        if holds(status, "Suspended") {
            set(status, "Suspended", false, "JobResumed", "Job resumed", now);
        }
        status.start_time.get_or_insert_with(|| now.clone());
    }
}

/// Counts the pods that have ended since; tells if one of them fails the Job.
fn count(
    plan: &mut Plan,
    job: &Job,
    pods: &[Pod],
    counted: &HashSet<String>,
) -> Option<(&'static str, String)> {
    let mut failure = None;
    for pod in tracked(pods).filter(|pod| has_ended(pod)) {
        plan.release.push(named(pod));
        if pod.uid().is_some_and(|uid| counted.contains(&uid)) {
            continue;
        }
        let succeeded = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Succeeded");
        if succeeded {
            *plan.status.succeeded.get_or_insert(0) += 1;
            continue;
        }
        match judge(job, pod) {
            Verdict::Ignore => {}
            Verdict::Count => *plan.status.failed.get_or_insert(0) += 1,
            Verdict::FailJob(message) => {
                *plan.status.failed.get_or_insert(0) += 1;
                failure.get_or_insert(("PodFailurePolicy", message));
            }
        }
    }
    failure
}

fn exceeded(job: &Job, status: &JobStatus) -> Option<(&'static str, String)> {
    let limit = spec(job).backoff_limit.unwrap_or(6);
    let exceeded = status.failed.unwrap_or_default() > limit;
    exceeded.then(|| ("BackoffLimitExceeded", "Job has reached the specified backoff limit".to_owned()))
}

/// Brings the number of pods to what it should be.
fn staff(plan: &mut Plan, job: &Job, census: &Census<'_>, suspended: bool) {
    let parallelism = usize::try_from(spec(job).parallelism.unwrap_or(1)).unwrap_or_default();
    let Census { active, terminating } = census;
    let failed = holds(&plan.status, "FailureTarget");
    let wanted = if job.metadata.deletion_timestamp.is_some() {
        // The garbage collector decides what becomes of them.
        active.len()
    } else if failed || suspended {
        0
    } else if plan.status.succeeded.unwrap_or_default() > 0 {
        active.len().min(parallelism)
    } else {
        parallelism
    };
    if active.len() > wanted {
        let mut candidates = active.clone();
        // Those that do not run yet first, then the youngest: as the real controller ranks them.
        candidates
            .sort_by_key(|pod| (runs(pod), std::cmp::Reverse(pod.creation_timestamp().map(|time| time.0))));
        let surplus = active.len() - wanted;
        plan.delete = candidates.iter().take(surplus).map(|pod| pod.name_any()).collect();
    }
    let only_when_failed = spec(job).pod_replacement_policy.as_deref() == Some("Failed");
    let taken = active.len() + if only_when_failed { *terminating } else { 0 };
    plan.create = wanted.saturating_sub(taken);
    let deleted = plan.delete.len();
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    plan.status.active = Some(number(active.len() - deleted + plan.create)).filter(|active| *active > 0);
    plan.status.terminating = Some(number(terminating + deleted));
    let ready = active.iter().filter(|pod| runs(pod) && !plan.delete.contains(&pod.name_any())).count();
    plan.status.ready = Some(number(ready));
}

fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
}

/// Says that the Job is over once no pod is left.
fn finish(plan: &mut Plan, census: &Census<'_>, suspended: bool, now: &Time) {
    const COMPLETE: (&str, &str) = ("CompletionsReached", "Reached expected number of succeeded pods");
    let nobody_left = census.active.is_empty() && census.terminating == 0 && plan.create == 0;
    if !nobody_left {
        return;
    }
    let status = &mut plan.status;
    if let Some(target) = find(status, "FailureTarget").cloned() {
        let (reason, message) = (target.reason.unwrap_or_default(), target.message.unwrap_or_default());
        set(status, "Failed", true, &reason, &message, now);
    } else if status.succeeded.unwrap_or_default() > 0 && !suspended {
        set(status, "SuccessCriteriaMet", true, COMPLETE.0, COMPLETE.1, now);
        set(status, "Complete", true, COMPLETE.0, COMPLETE.1, now);
        status.completion_time = Some(now.clone());
    }
}
