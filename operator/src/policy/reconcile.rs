//! Looks whether runs can be judged by a policy, and says so.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::{SigningPolicy, SigningPolicyStatus, names};
use chancery_sources::pin::config_maps_of;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::host::complaints::Complaints;
use crate::host::controller::pause_after;
use crate::host::memory::Memory;
use crate::host::metrics::Metrics;
use crate::host::services::Services;
use crate::policy::error::{PolicyError, TIMEOUT};
use crate::policy::reading::{config_maps, pinned};
use crate::policy::status::{Found, found, says_the_same, status};
use crate::run::SourcesAllowed;
use crate::run::build::times::whole_second;

/// When a policy that reads ConfigMaps is looked at again: nobody watches those of a whole cluster.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The same while it is not ready: perhaps it waits for one.
const LOOK_SOON: Duration = Duration::from_secs(15);

/// A SigningPolicy as it is watched: one that cannot be read must not hide the others.
pub type WatchedPolicy = DeserializeGuard<SigningPolicy>;

/// What reconciles of policies share.
pub struct PolicyContext {
    client: Client,
    complaints: Arc<Complaints>,
    metrics: Arc<Metrics>,
    memory: Memory<Remembered>,
    /// What webhooks and lookups may name: no run is made with a policy that names more.
    allowed: SourcesAllowed,
    /// One is compiled at a time, so that policies take no more than a processor from runs.
    turns: Semaphore,
}

/// What is remembered of a policy.
#[derive(Clone, Debug, Default)]
struct Remembered {
    /// The status that was written last. Of one that cannot be read, the watch does not bring it.
    written: SigningPolicyStatus,
    /// How many reconciles in a row failed.
    failures: u32,
}

impl PolicyContext {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new(services: &Services, allowed: SourcesAllowed) -> Self {
        Self {
            client: services.client.clone(),
            complaints: Arc::clone(&services.complaints),
            metrics: Arc::clone(&services.metrics),
            memory: Memory::default(),
            allowed,
            turns: Semaphore::new(1),
        }
    }

    /// Forgets a policy that is gone, by its uid.
    pub(crate) fn forget(&self, uid: &str) {
        self.memory.forget(uid);
    }
}

/// Brings the status of one policy up to date.
///
/// # Errors
///
/// [`PolicyError`]; the reconcile is retried after a pause.
pub async fn reconcile(
    watched: Arc<WatchedPolicy>,
    context: Arc<PolicyContext>,
) -> Result<Action, PolicyError> {
    let began = Instant::now();
    let outcome = tokio::time::timeout(TIMEOUT, step(&watched, &context)).await;
    context.metrics.reconciled(began.elapsed());
    let outcome = outcome.unwrap_or(Err(PolicyError::TimedOut));
    if outcome.is_ok() {
        context.memory.change(&uid_of(&watched), |remembered| remembered.failures = 0);
    }
    outcome
}

async fn step(watched: &WatchedPolicy, context: &PolicyContext) -> Result<Action, PolicyError> {
    let metadata = watched.meta();
    if metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let uid = uid_of(watched);
    let (found, previous, reads) = match &watched.0 {
        Ok(policy) => {
            let previous = policy.status.clone().unwrap_or_default();
            (look(context, policy).await?, previous, config_maps_of(policy).next().is_some())
        }
        Err(unreadable) => {
            let wrong = format!(
                "it cannot be read as a SigningPolicy: {}; correct it, or delete it",
                unreadable.error
            );
            (Err(wrong), context.memory.of(&uid).written, false)
        }
    };
    let soon = if found.is_ok() { LOOK_AGAIN } else { LOOK_SOON };
    let status = status(found, metadata.generation, &previous, whole_second(Timestamp::now()));
    // Another installation that watches the namespace may allow other Secrets: each says once what it found, or they would write for ever.
    if status != previous && !says_the_same(&status, &context.memory.of(&uid).written) {
        write(context, metadata, &status).await.map_err(PolicyError::Status)?;
        context.memory.change(&uid, |remembered| remembered.written = status);
    }
    Ok(if reads { Action::requeue(soon) } else { Action::await_change() })
}

/// The version by which a run that is made now would be judged.
async fn look(context: &PolicyContext, policy: &SigningPolicy) -> Result<Found, PolicyError> {
    if let Some(refused) = context.allowed.refusal_of_policy(&policy.spec) {
        return Ok(Err(refused));
    }
    let namespace = policy.namespace().unwrap_or_default();
    let config_maps = config_maps(&context.client, &namespace, policy).await.map_err(PolicyError::Unread)?;
    let _turn = context.turns.acquire().await;
    Ok(found(pinned(policy.clone(), config_maps).await))
}

async fn write(
    context: &PolicyContext,
    metadata: &ObjectMeta,
    status: &SigningPolicyStatus,
) -> Result<(), kube::Error> {
    let name = metadata.name.clone().unwrap_or_default();
    let patch = json!({
        "apiVersion": names::API_VERSION,
        "kind": names::POLICY_KIND,
        // The uid keeps it from being written to another policy of this name.
        "metadata": {"name": name, "uid": metadata.uid},
        "status": status,
    });
    let api: Api<WatchedPolicy> =
        Api::namespaced(context.client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let parameters = PatchParams::apply(names::FIELD_MANAGER).force();
    match api.patch_status(&name, &parameters, &Patch::Apply(patch)).await {
        Ok(_) => Ok(()),
        // It is gone, or another has taken its name: no status is needed.
        Err(kube::Error::Api(refusal)) if refusal.code == 404 || refusal.code == 409 => Ok(()),
        Err(error) => Err(error),
    }
}

/// When to retry after a failure: later each time.
pub fn on_error(watched: Arc<WatchedPolicy>, error: &PolicyError, context: Arc<PolicyContext>) -> Action {
    context.metrics.reconcile_failed(error.label());
    let namespace = watched.meta().namespace.as_deref().unwrap_or_default();
    let what =
        format!("the reconcile of the policy {namespace}/{} failed; it is retried", watched.name_any());
    context.complaints.complain(&what, error);
    let failures = context.memory.change(&uid_of(&watched), |remembered| {
        remembered.failures += 1;
        remembered.failures
    });
    Action::requeue(pause_after(failures))
}

fn uid_of(watched: &WatchedPolicy) -> String {
    watched.meta().uid.clone().unwrap_or_default()
}
