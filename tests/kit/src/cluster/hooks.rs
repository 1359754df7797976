//! The chart's Jobs of before a release is installed and before it goes: nothing runs Jobs here, so a test does.

use anyhow::Context as _;
use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;

use super::release::{Release, helm};
use super::stand_in::container;
use super::stand_in::environment::Mounts;

/// Has the Secrets made that are missing.
pub(crate) async fn make_secrets(release: &Release<'_>, name: &str) -> anyhow::Result<()> {
    run(release, name, "make-secrets").await
}

/// Has the runs let go of.
pub(crate) async fn prepare_uninstall(release: &Release<'_>, name: &str) -> anyhow::Result<()> {
    run(release, name, "prepare-uninstall").await
}

/// Runs the program of a Job with the rights that the chart gives it for that, which are then taken away again, as Helm does.
async fn run(release: &Release<'_>, name: &str, hook: &str) -> anyhow::Result<()> {
    let namespace = release.namespace;
    let text = helm(namespace, &["get", "hooks", name]).await?.expect_code(0)?.stdout;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    let is_of_it =
        |object: &Value| object["metadata"]["name"].as_str().is_some_and(|name| name.ends_with(hook));
    let (jobs, rights): (Vec<Value>, Vec<Value>) =
        documents.into_iter().filter(is_of_it).partition(|object| object["kind"] == "Job");
    let Some(job) = jobs.into_iter().next() else { return Ok(()) };
    let has_rights = !rights.is_empty();
    let rights = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": rights}).to_string();
    if has_rights {
        namespace.kubectl().apply(&rights).await?;
    }
    let job: Job = serde_json::from_value(job)?;
    let spec = job.spec.and_then(|spec| spec.template.spec).context("a Job without a pod")?;
    let kubeconfig = release.kubeconfig_of(&spec).await?;
    let container = spec.containers.first().context("a pod without containers")?;
    let folder = namespace.cluster.folder().join(format!("{}-{hook}", namespace.name));
    let environment = vec![("KUBECONFIG".to_owned(), kubeconfig.display().to_string())];
    container::run_to_its_end(container, environment, &Mounts::new(), &folder).await?;
    if has_rights {
        namespace.kubectl().feed(&["delete", "--filename", "-"], &rights).await?.expect_code(0)?;
    }
    Ok(())
}
