//! A request, as the API server understands it.

use std::fmt;

use http::Method;
use kube::client::Body;
use serde_json::Value;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Create,
    Replace,
    /// A PATCH by server-side apply.
    Apply,
    /// A PATCH by JSON merge.
    Merge,
    Delete,
}

/// Where an object is: the plural of its kind, its namespace, its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Place {
    /// In the namespace `default`, unless another stands before the name: `other/demo`.
    pub(crate) fn of(plural: &str, name: &str) -> Self {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        Self { plural: plural.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A namespace itself, which is in none.
    pub(crate) fn of_namespace(name: &str) -> Self {
        Self { plural: "namespaces".to_owned(), namespace: String::new(), name: name.to_owned() }
    }
}

/// A request that was made. Shown as `APPLY signingruns/demo/status`, and an Event by its reason.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) verb: Verb,
    pub(crate) place: Place,
    pub(crate) subresource: Option<String>,
    pub(crate) query: String,
    pub(crate) body: Value,
}

impl Request {
    pub(super) async fn read(request: http::Request<Body>) -> Result<Self, String> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.map_err(|error| error.to_string())?;
        let body: Value = match body.as_ref() {
            [] => Value::Null,
            text => serde_json::from_slice(text).map_err(|error| error.to_string())?,
        };
        let path = head.uri.path().to_owned();
        let mut steps = path.split('/').skip_while(|step| *step != "namespaces").skip(1);
        let place = match (steps.next(), steps.next()) {
            (Some(namespace), Some(plural)) => {
                let given = body["metadata"]["name"].as_str().unwrap_or_default();
                let name = steps.next().unwrap_or(given).to_owned();
                Place { plural: plural.to_owned(), namespace: namespace.to_owned(), name }
            }
            (Some(namespace), None) => Place::of_namespace(namespace),
            (None, _) => return Err(format!("nothing is served at {path}")),
        };
        let kind = head.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let verb = match (head.method, kind) {
            (Method::GET, _) => Verb::Get,
            (Method::POST, _) => Verb::Create,
            (Method::PUT, _) => Verb::Replace,
            (Method::PATCH, Some("application/apply-patch+yaml")) => Verb::Apply,
            (Method::PATCH, Some("application/merge-patch+json")) => Verb::Merge,
            (Method::DELETE, _) => Verb::Delete,
            (method, kind) => return Err(format!("nothing is known of {method} {kind:?}")),
        };
        let query = head.uri.query().unwrap_or_default().to_owned();
        Ok(Self { verb, place, subresource: steps.next().map(str::to_owned), query, body })
    }

    pub(super) fn is_write(&self) -> bool {
        self.verb != Verb::Get
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, place: Place { plural, namespace: _, name }, subresource, .. } = self;
        write!(f, "{} {plural}", format!("{verb:?}").to_uppercase())?;
        if let Some(reason) = self.body["reason"].as_str() {
            return write!(f, " {reason}");
        }
        write!(f, "/{name}")?;
        subresource.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}
