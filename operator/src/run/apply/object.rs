//! Changes of the SigningRun itself, apart from its status.

use chancery_api::{Reason, SigningRun, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::host::events::NewEvent;
use crate::run::apply::deletion::{gone_is_fine, only_this};
use crate::run::apply::error::ApplyError;
use crate::run::context::Context;
use crate::run::watched::Watched;

/// Adds or removes the finalizer. It is one entry of a list to which others write too: only that entry is
/// changed, and only on the object as it was seen.
pub(crate) async fn set_finalizer(
    context: &Context,
    metadata: &ObjectMeta,
    present: bool,
) -> Result<(), ApplyError> {
    let all = metadata.finalizers.iter().flatten();
    let mut finalizers: Vec<_> = all.filter(|name| *name != names::FINALIZER).cloned().collect();
    if present {
        finalizers.push(names::FINALIZER.to_owned());
    }
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
    }});
    let api: Api<Watched> =
        Api::namespaced(context.services.client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let parameters =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let name = metadata.name.as_deref().unwrap_or_default();
    match api.patch_metadata(name, &parameters, &Patch::Merge(patch)).await {
        // The object is gone.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        // A conflict is an error too: the object was changed meanwhile, so the change is repeated.
        other => other.map(|_| ()).map_err(ApplyError::Object),
    }
}

/// Deletes the SigningRun itself.
pub(super) async fn delete_object(context: &Context, object: &SigningRun) -> Result<NewEvent, ApplyError> {
    let parameters =
        DeleteParams { preconditions: only_this(&object.metadata.uid), ..DeleteParams::default() };
    let api: Api<SigningRun> =
        Api::namespaced(context.services.client.clone(), &object.namespace().unwrap_or_default());
    gone_is_fine(api.delete(&object.name_any(), &parameters).await.map(|_| ()))
        .map_err(ApplyError::Object)?;
    Ok(NewEvent::normal(Reason::Expired, "ttlSecondsAfterFinished has passed: the SigningRun is deleted"))
}
