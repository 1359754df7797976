//! What is said when something is refused: problem documents (RFC 9457).

use axum::Json;
use axum::response::{IntoResponse, Response};
use chancery_store::StoreError;
use chancery_store::intake::Refusal;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::authority::Access;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request is refused, as RFC 9457 has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem it is: a name that never changes.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The same for a person.
    pub(crate) title: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What happened, why, and what to do.
    pub(crate) detail: String,
    /// After how many seconds to send the request again.
    #[serde(skip)]
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("tag:chancery.dev,2026:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(crate) fn again_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "The token is missing or wrong",
            "the request shows no token that is known here; send the header `authorization: Bearer TOKEN`",
        )
    }

    /// The same for what there is and what there is not.
    pub(crate) fn forbidden(account: &str, access: &Access) -> Self {
        let Access { verb, resource, subresource, namespace, name } = access;
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The token may not do this",
            format!(
                "{account} may not {} {resource}/{subresource} of {namespace}/{name}; whoever administers the namespace can grant it, with a Role for {resource}/{subresource} of the API group chancery.dev",
                verb.name()
            ),
        )
    }

    pub(crate) fn authority_away() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "authority-away",
            "The API server does not answer",
            "the API server of the cluster, which knows the token and what it may do, does not answer for now; nothing of this request was taken in: send it again",
        )
        .again_after(2)
    }

    pub(crate) fn no_run(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-run",
            "There is no such run",
            format!("there is no run {name} in this ledger; `chancery status` lists those that there are"),
        )
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", what)
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood", detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large", detail)
    }

    pub(crate) fn not_pushed(name: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "not-pushed",
            "Nothing is pushed to this run",
            format!("the run {name} has other sources; push to one whose source is `http: {{}}`"),
        )
    }

    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "Too much is under way",
            "more is being taken in at the moment than there is memory for; nothing of this request was: send it again",
        )
        .again_after(1)
    }

    /// Why nothing is taken in.
    pub(crate) fn refused(refusal: Refusal, name: &str) -> Self {
        let conflict = |kind, title, detail: String| Self::new(StatusCode::CONFLICT, kind, title, detail);
        match refusal {
            Refusal::Sealed | Refusal::Full => conflict(
                "sealed",
                "The run has all its records",
                format!("the run {name} is sealed: it has all its records; push to another run"),
            ),
            Refusal::Suspended => conflict(
                "suspended",
                "The run is suspended",
                format!("the run {name} is suspended; send the request again once spec.suspend is false"),
            ),
            Refusal::TooManyDead => conflict(
                "too-many-dead",
                "The run has too many dead letters",
                format!(
                    "the run {name} is suspended by its dead letters: it has more than spec.deadLetter.limit allows; look at them, then raise the limit"
                ),
            ),
            Refusal::Held => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no-room",
                "The database has no room",
                "the database has no room for more records for now; nothing of this request was taken in: send it again later",
            )
            .again_after(5),
            Refusal::Gone => Self::no_run(name),
        }
    }

    /// What the policy of the run said of a record is written otherwise than this program writes it.
    pub(crate) fn flags_unreadable(error: &serde_json::Error) -> Self {
        tracing::error!(%error, "what a policy said of a record cannot be read");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "flags-unreadable",
            "What the policy said cannot be read",
            "what the policy of the run said of a record cannot be read by this gateway, and an answer without it would be wrong; what was taken in stays so. The log of the gateway says why",
        )
    }

    /// The ledger could not be asked, or did not answer.
    pub(crate) fn store(error: &StoreError) -> Self {
        match error {
            StoreError::NoRun(name) => Self::no_run(name),
            error if error.is_transient() => {
                tracing::warn!(%error, "the database does not answer");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "database-away",
                    "The database does not answer",
                    "the database is away for now, and nobody knows what became of this request; it can be sent again without harm",
                )
                .again_after(2)
            }
            error => {
                tracing::error!(%error, "the database refuses");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "database-refuses",
                    "The database refuses",
                    "the database refused what was asked of it; the log of the gateway says why",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
