//! Changes of the SigningRun itself, apart from its status.

use chancery_api::{Reason, SigningRun, names};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::host::events::NewEvent;
use crate::run::apply::deletion::{gone_is_fine, only_this};
use crate::run::apply::error::ApplyError;
use crate::run::context::Context;
use crate::run::watched::Watched;

/// Adds the finalizer, and writes that this installation operates the run: in one change, so that of two installations
/// that come at the same time one is told that the object has changed.
pub(super) async fn take_charge(context: &Context, metadata: &ObjectMeta) -> Result<(), ApplyError> {
    let finalizers = other_finalizers(metadata).chain([names::FINALIZER]).collect::<Vec<_>>();
    let annotations = json!({names::ANNOTATION_OPERATED_BY: context.services.installation});
    let to = json!({"finalizers": finalizers, "annotations": annotations});
    change(&context.services.client, metadata, to).await.map_err(ApplyError::Object)
}

/// Removes the finalizer.
///
/// # Errors
///
/// The API server refuses: with 409, if the object was changed since it was seen.
pub(crate) async fn remove_finalizer(client: &Client, metadata: &ObjectMeta) -> kube::Result<()> {
    let finalizers = other_finalizers(metadata).collect::<Vec<_>>();
    change(client, metadata, json!({"finalizers": finalizers})).await
}

/// The finalizers are a list to which others write too.
fn other_finalizers(metadata: &ObjectMeta) -> impl Iterator<Item = &str> {
    metadata.finalizers.iter().flatten().map(String::as_str).filter(|name| *name != names::FINALIZER)
}

/// Changes the metadata, and only on the object as it was seen.
async fn change(client: &Client, metadata: &ObjectMeta, mut to: serde_json::Value) -> kube::Result<()> {
    to["uid"] = json!(metadata.uid);
    to["resourceVersion"] = json!(metadata.resource_version);
    let api: Api<Watched> =
        Api::namespaced(client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let parameters =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let name = metadata.name.as_deref().unwrap_or_default();
    match api.patch_metadata(name, &parameters, &Patch::Merge(json!({"metadata": to}))).await {
        // The object is gone.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        // A conflict is an error too: the object was changed meanwhile, so the change is repeated.
        other => other.map(|_| ()),
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
