//! Makes a Secret: the one thing that the operator may do with them.

use chancery_api::names;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::PostParams;
use kube::core::{PartialObjectMeta, Request};
use zeroize::Zeroize as _;

use crate::run::apply::error::ApplyError;
use crate::run::context::Context;

/// An answer without what is in the Secret.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What the name of a Secret ends in is made of these.
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Makes the Secret. False when there is one of its name.
pub(super) async fn create(context: &Context, mut secret: Secret) -> Result<bool, kube::Error> {
    let path = Secret::url_path(&(), secret.metadata.namespace.as_deref());
    let body = serde_json::to_vec(&secret).map_err(kube::Error::SerdeError);
    secret.data.iter_mut().flat_map(|data| data.values_mut()).for_each(|value| value.0.zeroize());
    let parameters =
        PostParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let mut request = Request::new(path).create(&parameters, body?).map_err(kube::Error::BuildRequest)?;
    request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static(METADATA_ONLY));
    match context.services.client.request::<PartialObjectMeta<Secret>>(request).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(refusal)) if refusal.reason == "AlreadyExists" => Ok(false),
        Err(error) => Err(error),
    }
}

/// A digit tells it from a word.
pub(super) fn suffix() -> String {
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    loop {
        let suffix = rand::random::<[u8; names::SECRET_SUFFIX_LENGTH]>().map(letter);
        if suffix.iter().any(char::is_ascii_digit) {
            return suffix.iter().collect();
        }
    }
}

/// The CA by which pods check the database's certificate, if it is none of the public ones.
pub(super) fn read_ca(context: &Context) -> Result<Option<Vec<u8>>, ApplyError> {
    let path = context.settings.ca_file.as_ref();
    path.map(|path| std::fs::read(path).map_err(|reason| ApplyError::Ca { path: path.clone(), reason }))
        .transpose()
}
