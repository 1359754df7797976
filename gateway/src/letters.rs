//! Which dead letters a request means, and what is said when nothing, or no more, is done with them.

use std::time::Duration;

use axum::body::Body;
use chancery_api::LeaseDuration;
use chancery_sources::letters::{LettersError, Selection, Wanted};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::body::{self, Held};
use crate::content::is_json;
use crate::gateway::Shared;
use crate::problem::Problem;
use crate::room::Room;
use crate::warrant::Warrant;

/// Which dead letters are meant: all that are not left out.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Which {
    /// Only those that this step gave up.
    stage: Option<String>,
    /// Only those for which this rule of the run's policy failed.
    rule: Option<String>,
    /// Only those with this text in their reason.
    reason: Option<String>,
    /// Only those of this source.
    source: Option<String>,
    /// Only those that arrived so long ago, or longer, such as 24h.
    older_than: Option<String>,
    /// Only those that arrived less long ago, such as 24h.
    newer_than: Option<String>,
    /// Only those for which this CEL expression is true.
    selector: Option<String>,
}

/// How dead letters are to be judged anew.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RedriveRequest {
    /// Name of another run that reads and signs them, in the same namespace; without it, their own run takes them up.
    #[schema(pattern = "^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$")]
    pub(crate) into: Option<String>,
    /// Which.
    #[serde(rename = "select")]
    pub(crate) which: Option<Which>,
}

/// Which dead letters are to be discarded.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DiscardRequest {
    /// All of them, if nothing is selected.
    #[serde(default)]
    pub(crate) all: bool,
    /// Which.
    #[serde(rename = "select")]
    pub(crate) which: Option<Which>,
}

impl Which {
    /// All, if nothing is said.
    pub(crate) fn selection(given: Option<Self>) -> Result<Selection, Problem> {
        let Self { stage, rule, reason, source, older_than, newer_than, selector } =
            given.unwrap_or_default();
        let (older_than, newer_than) = (age(older_than)?, age(newer_than)?);
        let wanted = Wanted { stage, rule, reason, source, older_than, newer_than, selector };
        Selection::of(wanted).map_err(|reason| Problem::bad_request(reason.to_string()))
    }
}

fn age(text: Option<String>) -> Result<Option<Duration>, Problem> {
    let age = text.map(|text| LeaseDuration::new(text).to_std()).transpose();
    age.map_err(|reason| Problem::bad_request(reason.to_string()))
}

/// What the body of a request asks for.
pub(crate) async fn asked<T: DeserializeOwned>(
    shared: &Shared,
    warrant: &Warrant,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let began = Instant::now();
    let Held { bytes, room: _ } = body::read(headers, body, Room::new(&shared.held), &shared.limits).await?;
    warrant.check_since(began).await?;
    is_json(headers)?;
    // A list would be taken for the fields in order.
    serde_json::from_slice::<Map<String, Value>>(&bytes)
        .and_then(|given| T::deserialize(Value::Object(given)))
        .map_err(|error| Problem::bad_request(format!("the body does not say what is to be done: {error}")))
}

/// Why nothing, or no more, was done.
pub(crate) fn problem(error: &LettersError) -> Problem {
    let conflict = |kind, title| Problem::new(StatusCode::CONFLICT, kind, title, error.to_string());
    match error {
        LettersError::Nothing { .. } => conflict("nothing-selected", "No dead letter is selected"),
        LettersError::Lost(_) => conflict("changed", "Somebody else was faster"),
        LettersError::Late { .. } => conflict("unfinished", "There are more of the dead letters"),
        LettersError::Taken(_) => conflict("name-taken", "The name is another run's"),
        LettersError::Given { .. } => conflict("name-taken", "The name is that of a run that reads others"),
        LettersError::Unsealed(_) => conflict("unsealed", "The run may still get more"),
        LettersError::Gone(_) => Problem::not_found(error.to_string()),
        LettersError::Refused { .. } => conflict("not-redriven", "The dead letters are not redriven"),
        LettersError::Store(error) => Problem::store(error),
        LettersError::Judge(reason) => {
            Problem::store(&chancery_store::StoreError::Corrupt(reason.to_string()))
        }
    }
}
