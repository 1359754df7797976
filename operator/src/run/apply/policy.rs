//! The policy that judges a run, pinned as it is when the run is made.

use chancery_api::{RunInput, SigningPolicy, ValidatedRun};
use chancery_store::NewPolicy;
use kube::Api;

use crate::policy::reading::{config_maps, pinned};
use crate::run::apply::error::ApplyError;
use crate::run::context::Context;

/// The version of the policy that a run names, with the ConfigMaps that it reads; none if it names none.
pub(super) async fn of_run(context: &Context, run: &ValidatedRun) -> Result<Option<NewPolicy>, ApplyError> {
    let RunInput::Sources(sources) = &run.input else { return Ok(None) };
    let Some(name) = &sources.policy else { return Ok(None) };
    let client = &context.services.client;
    let policies: Api<SigningPolicy> = Api::namespaced(client.clone(), &run.namespace);
    let policy = policies.get_opt(name).await.map_err(ApplyError::PolicyUnread)?;
    let policy = policy.ok_or_else(|| ApplyError::NoPolicy(format!("{}/{name}", run.namespace)))?;
    if let Some(refused) = context.intake.allowed.refusal_of_policy(&policy.spec) {
        return Err(ApplyError::BeyondAllowed(format!("the policy {name}: {refused}")));
    }
    let config_maps = config_maps(client, &run.namespace, &policy).await.map_err(ApplyError::PolicyUnread)?;
    Ok(Some(pinned(policy, config_maps).await?))
}
