//! A Job that is a work queue: its pods take work from the ledger until nothing is left, and the first that finds nothing
//! left says so.
//!
//! The Job controller waits 10 s before it replaces a pod that failed, twice as long after the next one, up to ten
//! minutes; and it waits per Job, so that one pod that was killed keeps it from starting any other. Indexes get around that: the
//! index of a pod that ended is given up, and its replacement has the next, which never failed.
//!
//! To be given up, it has to count towards `backoffLimit`, and so do pods that were evicted. How many of a run's
//! pods may fail is therefore up to [`failures`](crate::run::decide::failures).
//! <https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index>

use chancery_process::Exit;
use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule, SuccessPolicy, SuccessPolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use sha2::{Digest, Sha256};

use crate::run::decide::decision::JobPlan;

/// Indexes of a Job: as many pods as may fail (`spec.backoffLimit` of a run is at most 1,000), and as many as may work at that time.
/// A Job that has used them up is replaced.
const INDEXES: i32 = 2_000;

/// Letters of a host name.
const HOST_NAME_MAX: usize = 63;

/// The spec of the Job `name`, whose pods have the container `container`.
pub(super) fn spec(name: &str, container: &str, plan: &JobPlan, template: PodTemplateSpec) -> JobSpec {
    JobSpec {
        parallelism: Some(i32::try_from(plan.parallelism).unwrap_or(i32::MAX)),
        suspend: Some(plan.suspended),
        backoff_limit: Some(i32::try_from(plan.backoff_limit).unwrap_or(i32::MAX)),
        completion_mode: Some("Indexed".to_owned()),
        completions: Some(indexes(name)),
        backoff_limit_per_index: Some(0),
        success_policy: Some(SuccessPolicy {
            rules: vec![SuccessPolicyRule { succeeded_count: Some(1), succeeded_indexes: None }],
        }),
        // A pod that still has something in hand must have ended before another takes its place.
        pod_replacement_policy: Some("Failed".to_owned()),
        pod_failure_policy: Some(failure_policy(container)),
        template,
        ..JobSpec::default()
    }
}

/// Fewer, where the Job's name leaves fewer digits: behind it and a hyphen, an index is the host name of a pod.
fn indexes(name: &str) -> i32 {
    let digits = HOST_NAME_MAX.saturating_sub(name.len() + 1).clamp(1, 4);
    INDEXES.min(10_i32.pow(u32::try_from(digits).unwrap_or(1)))
}

/// Exit codes by which a program says that the database cannot be used for now.
const DATABASE: [Exit; 2] = [Exit::NoRoom, Exit::TryAgain];

/// Whether an exit code is not the program's fault.
pub(crate) fn is_excused(code: i32) -> bool {
    DATABASE.iter().chain(&[Exit::Interrupted]).any(|exit| i32::from(exit.code()) == code)
}

/// What follows when a pod ends: a program that can never work is not tried six times; a pod that was evicted or stopped is replaced
/// at once, under another index, as is one that failed. Where the database is down or full, the pod is replaced under its own index,
/// later each time: nothing is gained by asking it without a pause.
fn failure_policy(container: &str) -> PodFailurePolicy {
    let on_exit = |action: &str, codes: &[Exit]| PodFailurePolicyRule {
        action: action.to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(container.to_owned()),
            operator: "In".to_owned(),
            values: codes.iter().map(|exit| i32::from(exit.code())).collect(),
        }),
        on_pod_conditions: None,
    };
    PodFailurePolicy {
        rules: vec![
            on_exit("FailJob", &[Exit::NeverWorks]),
            on_exit("Ignore", &DATABASE),
            on_exit("FailIndex", &[Exit::Interrupted]),
            PodFailurePolicyRule {
                action: "FailIndex".to_owned(),
                on_exit_codes: None,
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: Some("True".to_owned()),
                }]),
            },
        ],
    }
}

/// Tells one Job from another by all that cannot be changed of a Job that exists. It is taken of what is wanted: an API
/// server adds to a template, so what it gives back differs.
pub(super) fn fingerprint(spec: &JobSpec) -> String {
    let fixed = JobSpec { parallelism: None, suspend: None, backoff_limit: None, ..spec.clone() };
    let text = serde_json::to_vec(&fixed).expect("the spec of a Job is plain JSON");
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, parallelism: u32) -> JobSpec {
        let plan = JobPlan { parallelism, suspended: false, backoff_limit: 6, run_uid: None, secret: None };
        spec(name, "signer", &plan, PodTemplateSpec::default())
    }

    #[test]
    fn the_last_index_behind_the_longest_name_is_a_host_name() {
        for length in 1..=chancery_api::names::MAX_NAME_LENGTH {
            let run = "x".repeat(length);
            for (name, longest, fewest) in [
                (chancery_api::names::job_name(&run), 51, 1_000),
                (chancery_api::names::delivery_job_name(&run), 49, 10),
            ] {
                let completions = made(&name, 1).completions.expect("indexes");
                assert!(format!("{name}-{}", completions - 1).len() <= HOST_NAME_MAX, "{name}");
                assert_eq!(completions == INDEXES, length <= longest, "{name}: {completions}");
                assert!(completions >= fewest, "{name}: {completions}");
            }
        }
    }

    #[test]
    fn a_job_that_may_be_changed_into_another_has_its_fingerprint() {
        let two = made("demo-signer", 2);
        assert_eq!(fingerprint(&two), fingerprint(&made("demo-signer", 9)));
        let former = JobSpec { completion_mode: None, completions: None, ..two.clone() };
        assert_ne!(fingerprint(&former), fingerprint(&two), "a Job that waits before it replaces a pod");
    }
}
