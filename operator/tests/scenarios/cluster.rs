//! What the rest of a cluster does: the Job controller, the kubelets, the garbage collector.

use chancery_api::names;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fake::FakeApi;

/// An instant that lies so far back that every pause since then is over.
fn long_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(1)
}

impl FakeApi {
    /// The Job controller says how many of the Job's pods are at work.
    pub(crate) fn job_is_active(&self, job: &str, pods: i32) {
        self.edit("jobs", job, json!({"status": {"active": pods}}));
    }

    /// The Job controller says that the Job is complete, an hour ago.
    pub(crate) fn job_completes(&self, job: &str) {
        self.end_job(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods");
        self.edit("jobs", job, json!({"status": {"succeeded": 1}}));
    }

    /// The Job controller says that the Job has failed, an hour ago.
    pub(crate) fn job_fails(&self, job: &str, reason: &str, message: &str) {
        self.end_job(job, "Failed", reason, message);
        self.edit("jobs", job, json!({"status": {"failed": 1}}));
    }

    fn end_job(&self, job: &str, type_: &str, reason: &str, message: &str) {
        let condition = json!({
            "type": type_, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": long_ago(),
        });
        self.edit("jobs", job, json!({"status": {"active": 0, "conditions": [condition]}}));
    }

    /// The Job controller begins to make the Job's pods now.
    pub(crate) fn job_starts(&self, job: &str) {
        let now = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
        self.edit("jobs", job, json!({"status": {"startTime": now}}));
    }

    /// Somebody of the cluster tells something of an object.
    pub(crate) fn tell_of(&self, plural: &str, name: &str, (type_, reason, note): (&str, &str, &str)) {
        let uid = self.get(plural, name).expect("it is there")["metadata"]["uid"].clone();
        self.create(
            "events",
            json!({
                "apiVersion": "events.k8s.io/v1", "kind": "Event",
                "metadata": {"name": format!("{name}.{reason}")},
                "regarding": {"uid": uid}, "type": type_, "reason": reason, "note": note,
                "deprecatedLastTimestamp": Timestamp::now(),
            }),
        );
    }

    /// A pod is as if it had been made so many seconds earlier.
    pub(crate) fn pod_ages(&self, name: &str, seconds: i64) {
        let made = Timestamp::now() - SignedDuration::from_secs(seconds);
        self.set_made("pods", name, made);
    }

    /// A signer pod of a run with this status; the holder that it is in the ledger.
    pub(crate) fn pod(&self, run: &str, name: &str, status: Value) -> String {
        let pod = self.create(
            "pods",
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": name,
                    "labels": {names::LABEL_RUN: run, names::LABEL_MANAGED_BY: names::FIELD_MANAGER},
                },
                "status": status,
            }),
        );
        names::holder(name, pod["metadata"]["uid"].as_str().expect("a uid"))
    }

    /// An intake pod of a run with this status; the holder that it is in the ledger.
    pub(crate) fn intake_pod(&self, run: &str, name: &str, status: Value) -> String {
        self.pod_of(names::COMPONENT_INTAKE, run, name, of_intake(status))
    }

    /// A delivery pod of a run with this status; the holder that it is in the ledger.
    pub(crate) fn delivery_pod(&self, run: &str, name: &str, status: Value) -> String {
        self.pod_of(names::COMPONENT_DELIVERY, run, name, of_container(names::DELIVERY_CONTAINER, status))
    }

    fn pod_of(&self, component: &str, run: &str, name: &str, status: Value) -> String {
        let holder = self.pod(run, name, status);
        let component = json!({names::LABEL_COMPONENT: component});
        self.edit("pods", name, json!({"metadata": {"labels": component}}));
        holder
    }

    /// Another status of a delivery pod.
    pub(crate) fn delivery_pod_becomes(&self, name: &str, status: Value) {
        self.pod_becomes(name, of_container(names::DELIVERY_CONTAINER, status));
    }

    /// Another status of an intake pod.
    pub(crate) fn intake_pod_becomes(&self, name: &str, status: Value) {
        self.pod_becomes(name, of_intake(status));
    }

    /// Another status of a pod.
    pub(crate) fn pod_becomes(&self, name: &str, status: Value) {
        self.edit("pods", name, json!({"status": null}));
        self.edit("pods", name, json!({ "status": status }));
    }

    /// Removes Jobs that are deleted in the foreground, with their pods, and what belonged to objects
    /// that are gone.
    pub(crate) fn collect_garbage(&self) {
        let uids: Vec<Value> =
            self.all("signingruns").into_iter().map(|run| run["metadata"]["uid"].clone()).collect();
        for job in self.all("jobs") {
            let metadata = &job["metadata"];
            let owners = metadata["ownerReferences"].as_array().cloned().unwrap_or_default();
            let orphaned = !owners.is_empty() && owners.iter().all(|owner| !uids.contains(&owner["uid"]));
            if orphaned || metadata["deletionTimestamp"].is_string() {
                self.remove("jobs", metadata["name"].as_str().expect("a name"));
                let component = |labels: &Value| {
                    labels[names::LABEL_COMPONENT].as_str().unwrap_or(names::COMPONENT_SIGNER).to_owned()
                };
                for pod in self.all("pods") {
                    let (labels, of_job) = (&pod["metadata"]["labels"], &metadata["labels"]);
                    let of_run = labels[names::LABEL_RUN] == of_job[names::LABEL_RUN];
                    if of_run && component(labels) == component(of_job) {
                        self.remove("pods", pod["metadata"]["name"].as_str().expect("a name"));
                    }
                }
            }
        }
        let uids: Vec<Value> = ["signingruns", "jobs"]
            .into_iter()
            .flat_map(|plural| self.all(plural))
            .map(|owner| owner["metadata"]["uid"].clone())
            .collect();
        for secret in self.all("secrets") {
            let metadata = &secret["metadata"];
            let owners = metadata["ownerReferences"].as_array().cloned().unwrap_or_default();
            if !owners.is_empty() && owners.iter().all(|owner| !uids.contains(&owner["uid"])) {
                self.remove("secrets", metadata["name"].as_str().expect("a name"));
            }
        }
    }
}

/// The same of the container of an intake.
fn of_intake(status: Value) -> Value {
    of_container(names::INTAKE_CONTAINER, status)
}

fn of_container(name: &str, mut status: Value) -> Value {
    status["containerStatuses"][0]["name"] = json!(name);
    status
}

/// Statuses of a signer pod.
pub(crate) mod pod_status {
    use chancery_api::names;
    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    pub(crate) fn running() -> Value {
        running_for(0)
    }

    /// It started so many seconds ago.
    pub(crate) fn running_for(seconds: i64) -> Value {
        let started = Timestamp::now() - SignedDuration::from_secs(seconds);
        of("Running", json!({"running": {"startedAt": started}}))
    }

    /// The kubelet saw the container end.
    pub(crate) fn ended(exit: i32, reason: &str, message: &str) -> Value {
        of("Failed", terminated(exit, reason, message))
    }

    /// The kubelet came back and did not find the container any more.
    pub(crate) fn unknown() -> Value {
        of("Failed", terminated(137, "ContainerStatusUnknown", "could not be located when terminated"))
    }

    /// Somebody else than a kubelet gave the pod up.
    pub(crate) fn given_up() -> Value {
        json!({"phase": "Failed", "reason": "NodeLost"})
    }

    pub(crate) fn waiting(reason: &str, message: &str) -> Value {
        of("Pending", json!({"waiting": {"reason": reason, "message": message}}))
    }

    fn terminated(exit: i32, reason: &str, message: &str) -> Value {
        json!({"terminated": {
            "exitCode": exit, "reason": reason, "message": message, "finishedAt": Timestamp::now(),
        }})
    }

    fn of(phase: &str, state: Value) -> Value {
        json!({"phase": phase, "containerStatuses": [{
            "name": names::SIGNER_CONTAINER, "image": "signer", "imageID": "", "ready": false,
            "restartCount": 0, "state": state,
        }]})
    }
}
