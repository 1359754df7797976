//! The names in the path of a request.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// As [`Path`] has them. What cannot be read is refused by a problem document, as everything is.
pub(crate) struct Names<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            // Nothing has a name that is no text.
            Err(_) => Err(Problem::not_found("the path has a name in it that is no text in UTF-8")),
        }
    }
}
