//! Dead letters, signed after all.

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::body::{self, Held};
use crate::content::is_json;
use crate::gateway::Gateway;
use crate::model::Redriven;
use crate::names::Names;
use crate::problem::Problem;
use crate::redrive;
use crate::room::Room;
use crate::runs::Name;
use crate::warrant::Warrant;

/// How dead letters are to be signed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveRequest {
    /// Name of the run that reads and signs them, in the same namespace.
    #[schema(pattern = "^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$")]
    into: String,
}

/// Has the dead letters of a run signed as they were kept, by another run that is made as that one was.
///
/// The run has to be sealed. Asked again with the same name, it goes on where it was.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters/redrive", operation_id = "redriveDeadLetters", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path)),
    request_body = RedriveRequest,
    responses((status = 202, description = "The run is made; its events tell how far it is", body = Redriven, links(
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.body#/into"))))))))]
pub(crate) async fn redrive(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    Extension(warrant): Extension<Warrant>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Redriven>), Problem> {
    let began = Instant::now();
    let shared = &gateway.0;
    let name = Name::of(namespace, run)?;
    let Held { bytes, room: _ } = body::read(&headers, body, Room::new(&shared.held), &shared.limits).await?;
    warrant.check_since(began).await?;
    is_json(&headers)?;
    let RedriveRequest { into } = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::bad_request(format!("the body is to be {{\"into\": \"NAME OF THE NEW RUN\"}}: {error}"))
    })?;
    let Some(redrive) = shared.redrive.get() else {
        return Err(redrive::of_cluster(&name.find(&shared.ledger).await?, &into));
    };
    // Whose the run is, no client is shown; by that it is decided who may read it again.
    let run = shared.ledger.find_run(&name.namespace, &name.run).await;
    let run = run.map_err(|error| Problem::store(&error))?;
    let redriving = redrive::prepared(&shared.ledger, &run, &into).await?;
    redrive.redrive(redriving).await.map_err(|reason| redrive::failed(&reason))?;
    Ok((StatusCode::ACCEPTED, Json(Redriven { run: format!("{}/{into}", run.namespace) })))
}
