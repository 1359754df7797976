//! The life of one pod.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Shared;
use super::claims::{self, Claimed};
use super::container::{self, Ended, Running};
use super::environment::{self, Mounts, NotYet};
use super::kubelet::Wanted;
use super::pod_report::Reporter;

/// The node that all pods are on. There is no object for it, and none is needed.
pub(crate) const NODE: &str = "stand-in";

/// Binds the pod, runs its container, and tells of it until the pod has ended or is gone.
pub(crate) async fn run(shared: Arc<Shared>, pod: Pod, mut wanted: watch::Receiver<Wanted>) {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first().cloned()).unwrap_or_default();
    let reporter = Reporter::new(&shared, &pod, container.clone());
    let Some(place) = place(&shared, &mut wanted).await else {
        // Deleted before it had a node: nothing but its finalizers holds it.
        return reporter.never_ran().await;
    };
    shared.thawed().await;
    let bound =
        pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) || bind(&shared, &reporter).await;
    let running = if bound { start(&reporter, &pod, &container, &mut wanted).await } else { None };
    match running {
        Some(running) => {
            shared.processes.began(&reporter.name, running.pid());
            reporter.runs().await;
            let ended = until_it_ends(&shared, &reporter, running, &mut wanted).await;
            drop(place);
            reporter.ended(&ended).await;
        }
        None => reporter.never_ran().await,
    }
    // A deletion may have come in between its end and the report of it; later ones need no kubelet.
    loop {
        let told = *wanted.borrow_and_update();
        if told.gone {
            return;
        }
        if told.deleted.is_some() {
            return reporter.release().await;
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

/// Waits until the node has room; none if the pod is deleted before.
async fn place(shared: &Shared, wanted: &mut watch::Receiver<Wanted>) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        permit = Arc::clone(&shared.capacity).acquire_owned() => permit.ok(),
        _ = wanted.wait_for(|wanted| *wanted != Wanted::default()) => None,
    }
}

/// Without a node, a deleted pod would be gone at once.
async fn bind(shared: &Shared, reporter: &Reporter<'_>) -> bool {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": reporter.name, "uid": reporter.uid},
        "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
    });
    let pods = shared.api::<Pod>();
    let bound: Result<kube::core::Status, _> =
        pods.create_subresource("binding", &reporter.name, &Default::default(), &binding).await;
    bound.is_ok()
}

/// None if the pod was deleted before its container could be started.
async fn start(
    reporter: &Reporter<'_>,
    pod: &Pod,
    container: &Container,
    wanted: &mut watch::Receiver<Wanted>,
) -> Option<Running> {
    let shared = reporter.shared;
    let folder = shared.processes.folder(&reporter.name);
    let mut told: Option<NotYet> = None;
    loop {
        if *wanted.borrow() != Wanted::default() {
            return None;
        }
        let not_yet = match given(shared, pod, container, &folder).await {
            Ok(Given { environment, mounts, claimed }) => {
                match container::start(container, environment, &mounts, &claimed, &folder) {
                    Ok(running) => return Some(running),
                    Err(error) => panic!("pod {} cannot be started: {error}", reporter.name),
                }
            }
            Err(not_yet) => not_yet,
        };
        let is_news =
            told.as_ref().is_none_or(|told| told.message != not_yet.message || told.reason != not_yet.reason);
        if is_news {
            reporter.waits(&not_yet).await;
            told = Some(not_yet);
        }
        // Until the Secret is there; nothing tells of that but another look.
        tokio::select! {
            () = shared.pause() => {}
            _ = wanted.changed() => {}
        }
    }
}

/// What a container is given.
struct Given {
    environment: Vec<(String, String)>,
    mounts: Mounts,
    claimed: Vec<Claimed>,
}

async fn given(shared: &Shared, pod: &Pod, container: &Container, folder: &Path) -> Result<Given, NotYet> {
    let secrets = shared.api();
    let mounts = environment::mount(&secrets, pod, container, folder).await?;
    let claimed = claims::of(shared, pod, container).await?;
    let mut environment = environment::resolve(&secrets, pod, container).await?;
    environment.extend(shared.environment.iter().cloned());
    Ok(Given { environment, mounts, claimed })
}

async fn until_it_ends(
    shared: &Shared,
    reporter: &Reporter<'_>,
    mut running: Running,
    wanted: &mut watch::Receiver<Wanted>,
) -> Ended {
    let mut deadline = None;
    loop {
        let told = *wanted.borrow_and_update();
        if told.gone {
            let _ = shared.processes.signal(&reporter.name, Signal::SIGKILL);
        } else if let (Some(seconds), None) = (told.deleted, deadline) {
            let _ = shared.processes.signal(&reporter.name, Signal::SIGTERM);
            let grace = Duration::from_secs(seconds.max(1).unsigned_abs());
            deadline = Some(tokio::time::Instant::now() + grace);
        }
        tokio::select! {
            status = running.child.wait() => {
                shared.processes.ended(&reporter.name);
                return match status {
                    Ok(status) => running.ended(status),
                    Err(_) => Ended { exit_code: 255, message: None },
                };
            }
            _ = wanted.changed(), if !told.gone => {}
            () = at(deadline) => {
                let _ = shared.processes.signal(&reporter.name, Signal::SIGKILL);
                deadline = Some(tokio::time::Instant::now() + Duration::from_secs(3_600));
            }
        }
    }
}

async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
