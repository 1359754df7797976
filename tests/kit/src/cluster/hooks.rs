//! The chart's Job that makes Secrets, before a release: nothing runs Jobs here, so a test does.

use anyhow::Context as _;
use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;

use super::release::{Release, helm};
use super::stand_in::container;
use super::stand_in::environment::Mounts;

/// Runs that Job's program with the rights that the chart gives it, which are then taken away again, as Helm does.
pub(crate) async fn make_secrets(release: &Release<'_>, name: &str) -> anyhow::Result<()> {
    let namespace = release.namespace;
    let text = helm(namespace, &["get", "hooks", name]).await?.expect_code(0)?.stdout;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    let is_of_it = |object: &Value| {
        object["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-make-secrets"))
    };
    let (jobs, rights): (Vec<Value>, Vec<Value>) =
        documents.into_iter().filter(is_of_it).partition(|object| object["kind"] == "Job");
    let Some(job) = jobs.into_iter().next() else { return Ok(()) };
    let rights = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": rights}).to_string();
    namespace.kubectl().apply(&rights).await?;
    let job: Job = serde_json::from_value(job)?;
    let spec = job.spec.and_then(|spec| spec.template.spec).context("a Job without a pod")?;
    let kubeconfig = release.kubeconfig_of(&spec).await?;
    let container = spec.containers.first().context("a pod without containers")?;
    let folder = namespace.cluster.folder().join(format!("{}-make-secrets", namespace.name));
    let environment = vec![("KUBECONFIG".to_owned(), kubeconfig.display().to_string())];
    container::run_to_its_end(container, environment, &Mounts::new(), &folder).await?;
    namespace.kubectl().feed(&["delete", "--filename", "-"], &rights).await?.expect_code(0)?;
    Ok(())
}
