//! What a request asks for, in the words of RBAC: a verb, a resource of the group `chancery.dev`, a namespace and a name.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use http::Method;
use http::request::Parts;

use crate::runs::Name;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Something is added.
    Create,
    /// Something is removed.
    Delete,
    /// What is there becomes something else.
    Update,
    /// Something is read.
    Get,
}

impl Verb {
    /// As RBAC calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Update => "update",
            Self::Get => "get",
        }
    }
}

/// What a request asks for. Whether there is what it names is not known, and must not matter to whoever may not know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// What is done.
    pub verb: Verb,
    /// `signingruns` or `keyrings`.
    pub resource: &'static str,
    /// Of a run, `records` that come in or `results` that go out; of a keyring, `jwks`.
    pub subresource: &'static str,
    /// Namespace of the run or keyring.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Access {
    /// What a request asks for, by its method and the names in its path; none where there is nothing at the path, or no run or
    /// keyring can have the name.
    pub(crate) async fn of(parts: &mut Parts) -> Option<Self> {
        let method = parts.method.clone();
        // Decoded as they are for whoever answers.
        let names = RawPathParams::from_request_parts(parts, &()).await.ok()?;
        let named =
            |wanted| names.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
        let namespace = named("namespace")?;
        // Named by the router, as the names are.
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let (verb, resource, subresource, name) = match (named("run"), named("keyring")) {
            (Some(run), _) if method == Method::GET || method == Method::HEAD => {
                (Verb::Get, "signingruns", "results", run)
            }
            // What is discarded is lost to whoever pushed it.
            (Some(run), _) if route.ends_with("/dead-letters/discard") => {
                (Verb::Delete, "signingruns", "records", run)
            }
            // What a source or a policy refused is signed, which is more than to push.
            (Some(run), _) if route.ends_with("/dead-letters/redrive") => {
                (Verb::Update, "signingruns", "records", run)
            }
            (Some(run), _) => (Verb::Create, "signingruns", "records", run),
            (None, Some(keyring)) => (Verb::Get, "keyrings", "jwks", keyring),
            (None, None) => return None,
        };
        let Name { namespace, run: name } = Name::of(namespace, name).ok()?;
        Some(Self { verb, resource, subresource, namespace, name })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use axum::routing::any;
    use tower::ServiceExt as _;

    use super::*;

    /// What a request asks for, behind a router with paths as the API has them.
    async fn asked(method: &str, path: &str) -> Option<Access> {
        let found = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&found);
        let look = move |request: Request, next: Next| {
            let seen = Arc::clone(&seen);
            async move {
                let (mut parts, body) = request.into_parts();
                let access = Access::of(&mut parts).await;
                *seen.lock().expect("a place") = access;
                next.run(Request::from_parts(parts, body)).await
            }
        };
        let router = Router::new()
            .route("/v1/namespaces/{namespace}/runs/{run}/records", any(async || {}))
            .route("/v1/namespaces/{namespace}/runs/{run}/dead-letters/redrive", any(async || {}))
            .route("/v1/namespaces/{namespace}/runs/{run}/dead-letters/discard", any(async || {}))
            .route("/v1/namespaces/{namespace}/keyrings/{keyring}/jwks.json", any(async || {}))
            .fallback(async || {})
            .layer(from_fn(look));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        let _answer = router.oneshot(request).await;
        found.lock().expect("a place").take()
    }

    fn words(access: &Access) -> [&str; 5] {
        let Access { verb, resource, subresource, namespace, name } = access;
        [verb.name(), resource, subresource, namespace, name]
    }

    #[tokio::test]
    async fn a_request_asks_to_add_or_to_read_what_its_path_names() {
        for (method, path, wanted) in [
            ("POST", "runs/b/records", ["create", "signingruns", "records", "a", "b"]),
            ("GET", "runs/b/records", ["get", "signingruns", "results", "a", "b"]),
            ("HEAD", "runs/b/records", ["get", "signingruns", "results", "a", "b"]),
            ("POST", "runs/b/dead-letters/redrive", ["update", "signingruns", "records", "a", "b"]),
            ("POST", "runs/b/dead-letters/discard", ["delete", "signingruns", "records", "a", "b"]),
            // What nobody answers needs no less than what changes something.
            ("DELETE", "runs/b/records", ["create", "signingruns", "records", "a", "b"]),
            ("GET", "keyrings/b/jwks.json", ["get", "keyrings", "jwks", "a", "b"]),
            ("GET", "runs/%62/records", ["get", "signingruns", "results", "a", "b"]),
        ] {
            let access = asked(method, &format!("/v1/namespaces/a/{path}")).await.expect(path);
            assert_eq!(words(&access), wanted, "{method} {path}");
        }
    }

    #[tokio::test]
    async fn where_there_is_nothing_or_no_run_can_have_the_name_nothing_is_asked_for() {
        let long = format!("/v1/namespaces/a/runs/{}/records", "x".repeat(254));
        for path in [
            "/",
            "/v1/namespaces/a",
            "/v1/namespaces/a/runs/b%2Fc/records",
            "/v1/namespaces/%00/runs/b/records",
            &long,
        ] {
            assert_eq!(asked("GET", path).await, None, "{path}");
        }
    }
}
