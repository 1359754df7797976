//! Who asks: the SigningRun and its namespace, by their uids.

use chancery_api::{SigningRun, names};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};
use uuid::Uuid;

use crate::run::apply::error::ApplyError;
use crate::run::context::Context;

/// The identity of a SigningRun. The namespace is asked for each time: one of the same name may have been made since.
pub(super) async fn identity(
    context: &Context,
    object: &SigningRun,
) -> Result<chancery_store::Object, ApplyError> {
    let name = object.namespace().unwrap_or_default();
    let api: Api<Namespace> = Api::all(context.services.client.clone());
    let namespace = api.get_metadata(&name).await.map_err(ApplyError::Namespace)?;
    let made = namespace.creation_timestamp().ok_or(ApplyError::NoIdentity)?;
    // The object is gone with its namespace, and another namespace is there now.
    if object.creation_timestamp().is_none_or(|created| created.0 < made.0) {
        return Err(ApplyError::NoIdentity);
    }
    Ok(chancery_store::Object {
        namespace_uid: uid(namespace.uid())?,
        object_uid: uid(object.uid())?,
        namespace_made: Some(made.0.as_second()),
    })
}

/// The object of the keyring that a SigningRun takes over.
pub(super) fn keyring_to_adopt(object: &SigningRun) -> Option<Uuid> {
    object.annotations().get(names::ANNOTATION_ADOPT_KEYRING).and_then(|text| Uuid::parse_str(text).ok())
}

fn uid(text: Option<String>) -> Result<Uuid, ApplyError> {
    text.and_then(|text| Uuid::parse_str(&text).ok()).ok_or(ApplyError::NoIdentity)
}
