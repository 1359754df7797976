//! Stands in for the Job controller: carries out what [`job_plan`](super::job_plan) decides.
//!
//! Unlike the real one it does not wait before it replaces a pod whose end does not count.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::Shared;
use super::indexes::INDEX;
use super::job_plan::{FINALIZER, Plan, plan};

const JOB_NAME: &str = "batch.kubernetes.io/job-name";
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

struct Controller {
    shared: Arc<Shared>,
    counted: HashSet<String>,
}

/// Looks after every Job of the namespace, one at a time.
pub(crate) async fn run(shared: Arc<Shared>) {
    let jobs = watcher(shared.api::<Job>(), watcher::Config::default());
    let pods = watcher(shared.api::<Pod>(), watcher::Config::default().labels(JOB_NAME));
    let mut jobs = jobs.default_backoff().touched_objects().boxed();
    let mut pods = pods.default_backoff().touched_objects().boxed();
    let mut controller = Controller { shared: Arc::clone(&shared), counted: HashSet::new() };
    let mut dirty = BTreeSet::<String>::new();
    loop {
        let touched = tokio::select! {
            biased;
            Some(job) = jobs.next() => job.ok().map(|job: Job| job.name_any()),
            Some(pod) = pods.next() => pod.ok().and_then(|pod: Pod| pod.labels().get(JOB_NAME).cloned()),
            // Only when nothing more has happened: a look at a Job takes in all that has.
            () = std::future::ready(()), if !dirty.is_empty() => {
                shared.thawed().await;
                if let Some(job) = dirty.pop_first()
                    && controller.look_after(&job).await.is_err()
                {
                    shared.pause().await;
                    dirty.insert(job);
                }
                None
            }
            else => return,
        };
        dirty.extend(touched);
    }
}

impl Controller {
    async fn look_after(&mut self, name: &str) -> kube::Result<()> {
        let pods = self.shared.api::<Pod>();
        let of_job = pods.list(&ListParams::default().labels(&format!("{JOB_NAME}={name}"))).await?.items;
        let job = self.shared.api::<Job>().get_opt(name).await?;
        let uid = job.as_ref().and_then(ResourceExt::uid);
        let is_of = |pod: &Pod| uid.as_ref() == pod.labels().get(CONTROLLER_UID);
        let (of_job, orphans): (Vec<Pod>, Vec<Pod>) = of_job.into_iter().partition(is_of);
        for orphan in &orphans {
            self.release(&orphan.name_any(), &orphan.uid().unwrap_or_default()).await?;
        }
        let Some(job) = job.filter(|job| job.spec.as_ref().is_some_and(|spec| spec.managed_by.is_none()))
        else {
            return Ok(());
        };
        let decided = plan(&job, &of_job, &self.counted, &Time(Timestamp::now()));
        self.carry_out(&job, decided).await
    }

    async fn carry_out(&mut self, job: &Job, plan: Plan) -> kube::Result<()> {
        let Plan { status, release, delete, create } = plan;
        let name = job.name_any();
        if job.status.as_ref() != Some(&status) {
            let mut changed = job.clone();
            changed.status = Some(status);
            // Refused on a conflict: then it is decided anew.
            self.shared
                .api::<Job>()
                .replace_status(&name, &PostParams::default(), &changed)
                .await
                .inspect_err(|error| {
                    assert!(!is_invalid(error), "the API server refuses the status of Job {name}: {error}")
                })?;
        }
        // From here on they are counted, even if they cannot be let go now.
        self.counted.extend(release.iter().map(|(_, uid)| uid.clone()));
        for (pod, uid) in &release {
            self.release(pod, uid).await?;
        }
        for pod in &delete {
            let deleted = self.shared.api::<Pod>().delete(pod, &DeleteParams::default()).await;
            deleted.map(drop).or_else(unless_gone)?;
        }
        for index in create {
            self.create(job, index).await?;
        }
        Ok(())
    }

    async fn create(&self, job: &Job, index: i32) -> kube::Result<()> {
        let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
        let mut metadata = template.metadata.unwrap_or_default();
        metadata.generate_name = Some(format!("{}-{index}-", job.name_any()));
        for of in [&mut metadata.labels, &mut metadata.annotations] {
            of.get_or_insert_default().insert(INDEX.to_owned(), index.to_string());
        }
        metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        metadata.owner_references = job.controller_owner_ref(&()).map(|mut owner| {
            owner.block_owner_deletion = Some(true);
            vec![owner]
        });
        let hostname = Some(format!("{}-{index}", job.name_any()));
        let spec = template.spec.map(|spec| PodSpec { hostname, ..spec });
        let pod = Pod { metadata, spec, status: None };
        let pods = self.shared.api::<Pod>();
        pods.create(&PostParams::default(), &pod).await.inspect_err(|error| {
            assert!(!is_invalid(error), "the API server refuses a pod of Job {}: {error}", job.name_any());
        })?;
        Ok(())
    }

    /// Takes the finalizer off.
    async fn release(&self, pod: &str, uid: &str) -> kube::Result<()> {
        let patch = json!({"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
        let patched =
            self.shared.api::<Pod>().patch(pod, &PatchParams::default(), &Patch::Strategic(&patch)).await;
        patched.map(drop).or_else(unless_gone)
    }
}

/// Refused for good, which is a defect of whoever made the Job, or of the stand-in.
fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 422))
}

/// Gone, or another one of the same name by now.
pub(crate) fn unless_gone(error: kube::Error) -> kube::Result<()> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 404 | 409) => Ok(()),
        other => Err(other),
    }
}

/// Deletes the very object, and not another one of its name.
pub(crate) fn exactly(uid: &str) -> DeleteParams {
    DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..DeleteParams::background()
    }
}
