//! The rules of a Job for pods that fail.
//!
//! <https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy>

use k8s_openapi::api::batch::v1::{Job, PodFailurePolicyRule};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// What a failed pod means for its Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts.
    Count,
    /// It is as if it had not been.
    Ignore,
    /// The Job fails, with this message.
    FailJob(String),
}

/// By the first rule that matches.
pub(crate) fn judge(job: &Job, pod: &Pod) -> Verdict {
    let policy = job.spec.as_ref().and_then(|spec| spec.pod_failure_policy.as_ref());
    let rules = policy.map(|policy| policy.rules.as_slice()).unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        let Some(why) = matches(rule, pod) else { continue };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignore,
            "FailJob" => Verdict::FailJob(format!("{why} matching FailJob rule at index {index}")),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

fn matches(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let named = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    if let Some(codes) = &rule.on_exit_codes {
        return status.container_statuses.iter().flatten().find_map(|container| {
            let code = container.state.as_ref()?.terminated.as_ref()?.exit_code;
            let of_it = codes.container_name.as_ref().is_none_or(|name| *name == container.name);
            let within = codes.values.contains(&code) == (codes.operator == "In");
            (of_it && code != 0 && within)
                .then(|| format!("Container {} for pod {named} failed with exit code {code}", container.name))
        });
    }
    let conditions = rule.on_pod_conditions.iter().flatten();
    conditions.into_iter().find_map(|wanted| {
        let has = |found: &&k8s_openapi::api::core::v1::PodCondition| {
            found.type_ == wanted.type_ && found.status == wanted.status.as_deref().unwrap_or("True")
        };
        let found = status.conditions.iter().flatten().find(has)?;
        Some(format!("Pod {named} has condition {}", found.type_))
    })
}
