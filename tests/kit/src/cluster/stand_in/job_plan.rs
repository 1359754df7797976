//! What a Job needs next: decided from the Job and its pods, without reading or writing anything.
//!
//! It is an Indexed Job as the operator makes them: the index of a pod that failed is used up
//! (`backoffLimitPerIndex: 0`), and the first pod that succeeds says that there is no more work, so that the others
//! are deleted (`successPolicy`).

use std::collections::HashSet;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::exit_rules::{Verdict, judge};
use super::indexes::{Used, index};
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
    /// The indexes of the pods that are to be made.
    pub(crate) create: Vec<i32>,
}

/// What the pods of a Job are up to.
struct Census<'p> {
    /// Neither ended nor deleted.
    active: Vec<&'p Pod>,
    /// Deleted, and not ended yet.
    terminating: Vec<&'p Pod>,
}

/// Decides. `counted` are the pods that an earlier status has counted already.
pub(crate) fn plan(job: &Job, pods: &[Pod], counted: &HashSet<String>, now: &Time) -> Plan {
    let mut plan = Plan { status: job.status.clone().unwrap_or_default(), ..Plan::default() };
    let suspended = spec(job).suspend.unwrap_or_default();
    if !is_queue(job) {
        assert!(suspended, "the stand-in runs no such Job: {job:?}");
        return plan;
    }
    plan.status.uncounted_terminated_pods = Some(Default::default());
    if is_finished(&plan.status) {
        plan.release = tracked(pods).map(named).collect();
        return plan;
    }
    suspension(&mut plan.status, suspended, now);
    let census = Census {
        active: pods
            .iter()
            .filter(|pod| !has_ended(pod) && pod.metadata.deletion_timestamp.is_none())
            .collect(),
        terminating: pods
            .iter()
            .filter(|pod| !has_ended(pod) && pod.metadata.deletion_timestamp.is_some())
            .collect(),
    };
    let mut used = Used::of(&plan.status);
    let failure = count(&mut plan, &mut used, job, pods, counted);
    used.write(&mut plan.status);
    let failure = failure.or_else(|| exceeded(job, &plan.status));
    // Whichever comes first is how it ends.
    if !is_over(&plan.status) {
        if let Some((reason, message)) = failure {
            set(&mut plan.status, "FailureTarget", true, reason, &message, now);
        } else if !used.completed.is_empty() {
            let (reason, message) = ("SuccessPolicy", "Matched rules at index 0");
            set(&mut plan.status, "SuccessCriteriaMet", true, reason, message, now);
        }
    }
    staff(&mut plan, &used, job, &census, suspended);
    finish(&mut plan, &census, now);
    plan
}

fn spec(job: &Job) -> k8s_openapi::api::batch::v1::JobSpec {
    job.spec.clone().unwrap_or_default()
}

/// Whether a Job is one of the operator's.
fn is_queue(job: &Job) -> bool {
    let spec = spec(job);
    let rules = spec.success_policy.map(|policy| policy.rules).unwrap_or_default();
    spec.completion_mode.as_deref() == Some("Indexed")
        && spec.backoff_limit_per_index == Some(0)
        && spec.pod_replacement_policy.as_deref() == Some("Failed")
        && rules.iter().map(|rule| (rule.succeeded_count, &rule.succeeded_indexes)).eq([(Some(1), &None)])
}

/// Whether it is known how the Job ends.
fn is_over(status: &JobStatus) -> bool {
    holds(status, "FailureTarget") || holds(status, "SuccessCriteriaMet")
}

fn tracked(pods: &[Pod]) -> impl Iterator<Item = &Pod> {
    pods.iter().filter(|pod| pod.finalizers().iter().any(|finalizer| finalizer == FINALIZER))
}

fn named(pod: &Pod) -> (String, String) {
    (pod.name_any(), pod.uid().unwrap_or_default())
}

fn suspension(status: &mut JobStatus, suspended: bool, now: &Time) {
    if suspended {
        // It keeps its start: pods of before may end it yet, and no Job ends that has never begun.
        set(status, "Suspended", true, "JobSuspended", "Job suspended", now);
    } else if holds(status, "Suspended") {
        set(status, "Suspended", false, "JobResumed", "Job resumed", now);
        status.start_time = Some(now.clone());
    } else {
        status.start_time.get_or_insert_with(|| now.clone());
    }
}

/// Counts the pods that have ended since; tells if one of them fails the Job.
fn count(
    plan: &mut Plan,
    used: &mut Used,
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
            used.completed.extend(index(pod));
            continue;
        }
        let verdict = judge(job, pod);
        if verdict != Verdict::Ignore {
            *plan.status.failed.get_or_insert(0) += 1;
            used.failed.extend(index(pod));
        }
        if let Verdict::FailJob(message) = verdict {
            failure.get_or_insert(("PodFailurePolicy", message));
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
fn staff(plan: &mut Plan, used: &Used, job: &Job, census: &Census<'_>, suspended: bool) {
    let parallelism = usize::try_from(spec(job).parallelism.unwrap_or(1)).unwrap_or_default();
    let Census { active, terminating } = census;
    let wanted = if job.metadata.deletion_timestamp.is_some() {
        // The garbage collector decides what becomes of them.
        active.len()
    } else if is_over(&plan.status) || suspended {
        0
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
    let missing = wanted.saturating_sub(active.len() + terminating.len());
    plan.create = used.free(job, active.iter().chain(terminating).copied(), missing);
    let deleted = plan.delete.len();
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    plan.status.active =
        Some(number(active.len() - deleted + plan.create.len())).filter(|active| *active > 0);
    plan.status.terminating = Some(number(terminating.len() + deleted));
    let ready = active.iter().filter(|pod| runs(pod) && !plan.delete.contains(&pod.name_any())).count();
    plan.status.ready = Some(number(ready));
}

fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
}

/// Says that the Job is over once no pod is left.
fn finish(plan: &mut Plan, census: &Census<'_>, now: &Time) {
    let nobody_left = census.active.is_empty() && census.terminating.is_empty() && plan.create.is_empty();
    if !nobody_left {
        return;
    }
    let status = &mut plan.status;
    for (target, end) in [("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")] {
        if let Some(target) = find(status, target).cloned() {
            let (reason, message) = (target.reason.unwrap_or_default(), target.message.unwrap_or_default());
            set(status, end, true, &reason, &message, now);
            if end == "Complete" {
                status.completion_time = Some(now.clone());
            }
            return;
        }
    }
}
