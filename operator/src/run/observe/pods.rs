//! The run's pods, as the watch last saw them.

use chancery_api::{SigningRun, names};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use crate::run::build::queue::is_excused;
use crate::run::context::Context;
use crate::run::facts::{PodState, PodView};

/// Reasons for which a container waits that do not pass by themselves. Of any other, time tells.
const STUCK: [&str; 6] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
];

/// What a kubelet says of a container that it did not see end.
const UNSEEN: &str = "ContainerStatusUnknown";

/// What a pod of a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Signer,
    Intake,
    Delivery,
}

impl Program {
    fn of(pod: &Pod) -> Self {
        match pod.labels().get(names::LABEL_COMPONENT).map(String::as_str) {
            Some(names::COMPONENT_INTAKE) => Self::Intake,
            Some(names::COMPONENT_DELIVERY) => Self::Delivery,
            _ => Self::Signer,
        }
    }

    const fn container(self) -> &'static str {
        match self {
            Self::Signer => names::SIGNER_CONTAINER,
            Self::Intake => names::INTAKE_CONTAINER,
            Self::Delivery => names::DELIVERY_CONTAINER,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Intake => "intake",
            Self::Delivery => "delivery",
        }
    }

    /// Where its memory is set.
    const fn resources(self) -> &'static str {
        match self {
            Self::Signer => "spec.signerTemplate.resources",
            Self::Intake => "intake.template.resources of the chart's values",
            Self::Delivery => "delivery.template.resources of the chart's values",
        }
    }
}

pub(super) fn view(context: &Context, object: &SigningRun, program: Program) -> Vec<PodView> {
    let (namespace, run) = (object.namespace(), object.name_any());
    context
        .pods
        .state()
        .iter()
        .filter(|pod| pod.namespace() == namespace && pod.labels().get(names::LABEL_RUN) == Some(&run))
        .filter(|pod| Program::of(pod) == program)
        .map(|pod| PodView {
            holder: names::holder(&pod.name_any(), &pod.uid().unwrap_or_default()),
            state: state(pod, program),
            failed: failed(pod, program),
        })
        .collect()
}

/// Whether its end counts as a failure of its program: neither a disruption nor a stop does, nor a database that is away.
fn failed(pod: &Pod, program: Program) -> bool {
    let is_asked_to_end = pod.metadata.deletion_timestamp.is_some()
        || conditions(pod).any(|(type_, status)| type_ == "DisruptionTarget" && status == "True");
    match state(pod, program) {
        PodState::Ended { exit, .. } => exit != 0 && !is_asked_to_end && !is_excused(exit),
        PodState::Lost => phase(pod) == "Failed" && !is_asked_to_end,
        _ => false,
    }
}

fn conditions(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.map(|condition| (condition.type_.as_str(), condition.status.as_str()))
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn state(pod: &Pod, program: Program) -> PodState {
    let status = pod.status.as_ref();
    let container = status
        .and_then(|status| status.container_statuses.as_deref())
        .and_then(|containers| containers.iter().find(|container| container.name == program.container()));
    if let Some(state) = container.and_then(|container| of_container(container, program)) {
        return state;
    }
    let waiting = container.and_then(|container| container.state.as_ref()?.waiting.as_ref());
    if matches!(phase(pod), "Failed" | "Succeeded") {
        // The kubelet did not see the container end: its node may be cut off, and the program may still run.
        return PodState::Lost;
    }
    unschedulable(pod).unwrap_or_else(|| PodState::Starting {
        since: pod.creation_timestamp().map(|time| time.0),
        waits: waiting.and_then(|waiting| waiting.reason.clone()),
    })
}

fn of_container(container: &ContainerStatus, program: Program) -> Option<PodState> {
    let state = container.state.as_ref()?;
    if let Some(end) = &state.terminated {
        if end.reason.as_deref() == Some(UNSEEN) {
            return Some(PodState::Lost);
        }
        let message = end.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        return Some(PodState::Ended {
            exit: end.exit_code,
            message: message
                .map(str::to_owned)
                .or_else(|| killed(program, end.exit_code, end.reason.as_deref())),
            at: end.finished_at.as_ref().map(|time| time.0),
        });
    }
    if let Some(running) = &state.running {
        return Some(PodState::Running { since: running.started_at.as_ref().map(|time| time.0) });
    }
    let waiting = state.waiting.as_ref()?;
    let reason = waiting.reason.clone().filter(|reason| STUCK.contains(&reason.as_str()))?;
    Some(PodState::Stuck { reason, message: waiting.message.clone().unwrap_or_default() })
}

/// The message for a program that left none.
fn killed(program: Program, exit: i32, reason: Option<&str>) -> Option<String> {
    let name = program.name();
    match (exit, reason) {
        (0, _) => None,
        (_, Some("OOMKilled")) => {
            let resources = program.resources();
            Some(format!("the {name} was killed because it ran out of memory; raise {resources}"))
        }
        (137, _) => Some(format!("the {name} was killed (SIGKILL)")),
        (code, _) => Some(format!("the {name} ended with exit code {code}")),
    }
}

fn unschedulable(pod: &Pod) -> Option<PodState> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find_map(|condition| {
        let refused = condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable");
        refused.then(|| PodState::Stuck {
            reason: "Unschedulable".to_owned(),
            message: condition.message.clone().unwrap_or_default(),
        })
    })
}
