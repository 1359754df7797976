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

/// When it is looked, until then, whether a pod lacks what it names: a kubelet says so as it mounts its volumes.
const LOOKS: [SignedDuration; 2] = [SignedDuration::from_secs(2), SignedDuration::from_secs(8)];

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
    /// Some run, and others do not, for this reason.
    Partly(String),
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

/// Whether a pod takes longer than to mount what is there, so that somebody may have said what is not.
pub(crate) fn may_lack_something(pod: &PodView, now: Timestamp) -> bool {
    match &pod.state {
        PodState::Starting { since: Some(since), .. } => now.duration_since(*since) >= LOOKS[0],
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
    let running = pods.iter().filter(|pod| matches!(pod.state, PodState::Running { .. })).count();
    let stuck = pods.iter().find_map(|pod| match &pod.state {
        PodState::Stuck { reason, message } => {
            let mend = job.map(|job| mend(job, message)).unwrap_or_default();
            Some(format!("pod {}: {reason}: {message}{mend}", pod.pod_name()))
        }
        _ => None,
    });
    let overdue = || pods.iter().find(|pod| is_overdue(pod, now)).map(|pod| overdue(pod, job, trouble));
    match stuck.or_else(overdue) {
        None if running > 0 => return Start::Fine,
        Some(said) if running > 0 => {
            let left = pods.iter().filter(|pod| pod.is_to_run()).count();
            return Start::Partly(format!("{running} of {left} pods run: {said}"));
        }
        Some(said) => return Start::Hangs(said),
        None => {}
    }
    if let (Some(pod), Some(job), Some(Trouble::Said { is_warning: true, reason, message })) =
        (pods.iter().find(|pod| may_lack_something(pod, now)), job, trouble)
        && let mend = mend(job, message)
        && !mend.is_empty()
    {
        return Start::Hangs(format!("pod {} does not run: {reason}: {message}{mend}", pod.pod_name()));
    }
    if !pods.is_empty() {
        let first = pods.iter().filter_map(|pod| match &pod.state {
            PodState::Starting { since, .. } => *since,
            _ => None,
        });
        return first.min().map_or(Start::Fine, |since| {
            let looks = LOOKS.iter().chain([&START_TIMEOUT]);
            let mut pauses =
                looks.map(|after| until(since.checked_add(*after).unwrap_or(Timestamp::MAX), now));
            Start::Wait(pauses.find(|pause| !pause.is_zero()).unwrap_or_default())
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
            let mend = job.map(|job| mend(job, message)).unwrap_or_default();
            format!("pod {name} does not run after {seconds} s ({waits}): {reason}: {message}{mend}")
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

/// How the usual causes are mended: a namespace that was not prepared, a Secret of a source or of a registry that nobody made.
fn mend(job: &JobView, message: &str) -> String {
    let namespace = namespace(job);
    if let Some(account) = missing(message, "serviceaccount") {
        return format!(
            "; `kubectl create serviceaccount {account} --namespace {namespace}` makes it, and so does the chart, with a NetworkPolicy, in the namespaces of its value runNamespaces"
        );
    }
    // That of the run itself is made by the operator, and again if it is lost.
    match missing(message, "secret").filter(|secret| job.secret.as_deref() != Some(*secret)) {
        Some(secret) => format!(
            "; `kubectl create secret generic {secret} --namespace {namespace} --from-literal=KEY=VALUE` makes it, with the keys that the spec names"
        ),
        None => String::new(),
    }
}

/// The name of an object of this kind that is said not to be there.
fn missing<'m>(message: &'m str, kind: &str) -> Option<&'m str> {
    let (name, rest) = message.split_once(&format!("{kind} \""))?.1.split_once('"')?;
    rest.starts_with(" not found").then_some(name)
}

fn namespace(job: &JobView) -> &str {
    job.live.metadata.namespace.as_deref().unwrap_or(names::DEFAULT_NAMESPACE)
}
