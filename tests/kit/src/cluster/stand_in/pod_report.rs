//! What the kubelet tells of a pod.

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::Shared;
use super::container::Ended;
use super::environment::NotYet;

/// Tells how one pod fares.
pub(crate) struct Reporter<'s> {
    pub(crate) shared: &'s Shared,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) container: Container,
    pub(crate) began: String,
}

/// As Kubernetes writes a time.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Reporter<'_> {
    pub(crate) async fn waits(&self, why: &NotYet) {
        let NotYet { reason, message } = why;
        let waiting = json!({"waiting": {"reason": reason, "message": message}});
        self.report("Pending", waiting, false, false).await;
    }

    pub(crate) async fn runs(&self) {
        self.report("Running", json!({"running": {"startedAt": self.began}}), true, true).await;
    }

    pub(crate) async fn ended(&self, ended: &Ended) {
        let Ended { exit_code, message } = ended;
        let phase = if *exit_code == 0 { "Succeeded" } else { "Failed" };
        let reason = if *exit_code == 0 { "Completed" } else { "Error" };
        let terminated = json!({"terminated": {
            "exitCode": exit_code,
            "reason": reason,
            "message": message,
            "startedAt": self.began,
            "finishedAt": now(),
            "containerID": format!("stand-in://{}", self.uid),
        }});
        self.report(phase, terminated, true, false).await;
    }

    /// The end of a pod that was deleted before it ran.
    pub(crate) async fn never_ran(&self) {
        self.write(json!({"status": {"phase": "Failed"}})).await;
    }

    async fn report(&self, phase: &str, state: Value, started: bool, ready: bool) {
        let is = |holds: bool| if holds { "True" } else { "False" };
        let condition =
            |kind: &str, holds: bool| json!({"type": kind, "status": is(holds), "lastTransitionTime": now()});
        let Container { name, image, .. } = &self.container;
        self.write(json!({"status": {
            "phase": phase,
            "startTime": self.began,
            "conditions": [
                condition("PodScheduled", true),
                condition("Initialized", true),
                condition("PodReadyToStartContainers", started),
                condition("ContainersReady", ready),
                condition("Ready", ready),
            ],
            "containerStatuses": [{
                "name": name,
                "image": image,
                "imageID": "",
                "containerID": started.then(|| format!("stand-in://{}", self.uid)),
                "ready": ready,
                "started": ready,
                "restartCount": 0,
                "state": state,
            }],
        }}))
        .await;
    }

    /// By a strategic merge, so that conditions of others (`DisruptionTarget`) stay. Tried until it
    /// succeeds or the pod is gone.
    async fn write(&self, patch: Value) {
        let pods: Api<Pod> = self.shared.api();
        let mut patch = patch;
        patch["metadata"] = json!({"uid": self.uid});
        loop {
            self.shared.thawed().await;
            match pods.patch_status(&self.name, &PatchParams::default(), &Patch::Strategic(&patch)).await {
                Ok(_) => return,
                // 404: gone. 409: its name is another's by now. 422: something that it may not become.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
                Err(kube::Error::Api(status)) if status.code == 422 => {
                    panic!("the API server refuses the status of pod {}: {status}", self.name)
                }
                Err(_) => self.shared.pause().await,
            }
        }
    }

    /// Lets a deleted pod go.
    pub(crate) async fn release(&self) {
        let pods: Api<Pod> = self.shared.api();
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions { uid: Some(self.uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        loop {
            self.shared.thawed().await;
            match pods.delete(&self.name, &now).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
                Err(_) => self.shared.pause().await,
            }
        }
    }
}

impl<'s> Reporter<'s> {
    pub(crate) fn new(shared: &'s Shared, pod: &Pod, container: Container) -> Self {
        Self { shared, name: pod.name_any(), uid: pod.uid().unwrap_or_default(), container, began: now() }
    }
}
