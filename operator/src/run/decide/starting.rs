//! Whether the pods of a Job come to run, and if not, why: their own words, the Events about them, or how long nothing has
//! happened.

use std::time::Duration;

use chancery_api::names;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::run::decide::decision::LOOK_AGAIN;
use crate::run::decide::time::{later, until};
use crate::run::facts::{JobView, PodState, PodView, Trouble};

/// How long a pod may take to run: to be scheduled, to have its image pulled and its volumes mounted.
pub(crate) const START_TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

/// How long Kubernetes may take to make the pods of a Job, or to say why it does not.
const PODS_TIMEOUT: Duration = Duration::from_secs(15);

/// How soon to look again whether it says why.
const LOOK_FOR_PODS: Duration = Duration::from_secs(1);

/// How the pods of a Job come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// As they should, as far as anybody can tell.
    Fine,
    /// Look again after this time.
    Wait(Duration),
    /// They do not, for this reason.
    Hangs(String),
}

/// Whether a pod has taken too long to run.
pub(crate) fn is_overdue(pod: &PodView, now: Timestamp) -> bool {
    match &pod.state {
        PodState::Starting { since: Some(since), .. } => now.duration_since(*since) >= START_TIMEOUT,
        _ => false,
    }
}

/// How the pods come up that a Job is to have.
pub(super) fn start(
    job: Option<&JobView>,
    pods: &[PodView],
    trouble: Option<&Trouble>,
    now: Timestamp,
) -> Start {
    if pods.iter().any(|pod| matches!(pod.state, PodState::Running { .. })) {
        return Start::Fine;
    }
    let stuck = pods.iter().find_map(|pod| match &pod.state {
        PodState::Stuck { reason, message } => Some(format!("pod {}: {reason}: {message}", pod.pod_name())),
        _ => None,
    });
    if let Some(said) = stuck {
        return Start::Hangs(said);
    }
    if let Some(pod) = pods.iter().find(|pod| is_overdue(pod, now)) {
        return Start::Hangs(overdue(pod, job, trouble));
    }
    if !pods.is_empty() {
        let first = pods.iter().filter_map(|pod| match &pod.state {
            PodState::Starting { since, .. } => *since,
            _ => None,
        });
        return first.min().map_or(Start::Fine, |since| {
            Start::Wait(until(since.checked_add(START_TIMEOUT).unwrap_or(Timestamp::MAX), now))
        });
    }
    let waiting = job.filter(|job| job.expects_pods());
    let Some((job, started)) = waiting.and_then(|job| Some((job, job.started_at?))) else {
        return Start::Fine;
    };
    let name = job.live.metadata.name.as_deref().unwrap_or_default();
    if let Some(Trouble::Said { is_warning: true, message, .. }) = trouble {
        return Start::Hangs(format!("Job {name} has no pods: {message}{}", mend(job, message)));
    }
    if until(later(started, PODS_TIMEOUT), now).is_zero() {
        let (describe, unread) = (describe("job", name, job), unreadable(trouble));
        return Start::Hangs(format!(
            "Job {name} has no pods; `{describe}` says why: a quota, an admission policy, a name in the template{unread}"
        ));
    }
    Start::Wait(LOOK_FOR_PODS)
}

/// How soon to look again at pods that hang: no watch reports their Events.
pub(super) const LOOK_AT_EVENTS: Duration = LOOK_AGAIN;

fn overdue(pod: &PodView, job: Option<&JobView>, trouble: Option<&Trouble>) -> String {
    let name = pod.pod_name();
    let waits = match &pod.state {
        PodState::Starting { waits: Some(reason), .. } => reason.as_str(),
        _ => "Pending",
    };
    let seconds = START_TIMEOUT.as_secs();
    match trouble {
        Some(Trouble::Said { reason, message, .. }) => {
            format!("pod {name} does not run after {seconds} s ({waits}): {reason}: {message}")
        }
        None | Some(Trouble::Unreadable(_)) => {
            let describe = job.map(|job| describe("pod", name, job)).unwrap_or_default();
            let unread = unreadable(trouble);
            format!("pod {name} does not run after {seconds} s ({waits}); `{describe}` may say why{unread}")
        }
    }
}

fn describe(kind: &str, name: &str, job: &JobView) -> String {
    format!("kubectl describe {kind} --namespace {} {name}", namespace(job))
}

fn unreadable(trouble: Option<&Trouble>) -> String {
    match trouble {
        Some(Trouble::Unreadable(error)) => format!("; the operator cannot read its Events: {error}"),
        _ => String::new(),
    }
}

/// How the usual cause is mended: a namespace that was not prepared.
fn mend(job: &JobView, message: &str) -> String {
    let missing = message.split("serviceaccount \"").nth(1).and_then(|rest| rest.split_once('"'));
    match missing {
        Some((account, rest)) if rest.starts_with(" not found") => {
            let namespace = namespace(job);
            format!(
                "; `kubectl create serviceaccount {account} --namespace {namespace}` makes it, and so does the chart in the namespaces of its value runNamespaces"
            )
        }
        _ => String::new(),
    }
}

fn namespace(job: &JobView) -> &str {
    job.live.metadata.namespace.as_deref().unwrap_or(names::DEFAULT_NAMESPACE)
}
