//! The end of what is pushed to a run.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chancery_store::pushing::SealAnswer;
use http::StatusCode;

use crate::gateway::Gateway;
use crate::model::{Closed, Sealed};
use crate::names::Names;
use crate::problem::Problem;
use crate::runs::Name;

/// Seals a run: nothing more is taken in, and once all is signed it is complete.
///
/// While something waits for what others say of it, nothing more is taken in, and the run is sealed once that is settled. It may be called again.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/seal", operation_id = "sealRun", tag = "records",
    params(("namespace" = String, Path), ("run" = String, Path)),
    responses((status = 200, description = "It is sealed", body = Sealed, links(
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run")))),
            ("results" = (operation_id = "listResults", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run")))))),
        (status = 202, description = "Nothing more is taken in; its events tell when it is sealed", body = Closed, links(
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run"))))))))]
pub(crate) async fn seal(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
) -> Result<Response, Problem> {
    let ledger = &gateway.0.ledger;
    let name = Name::of(namespace, run)?;
    let run = name.find(ledger).await?;
    match ledger.seal_pushes(&run).await.map_err(|error| Problem::store(&error))? {
        SealAnswer::Sealed => {
            let records = name.find(ledger).await?.sealed_records.unwrap_or_default();
            Ok(Json(Sealed { run: name.to_string(), records }).into_response())
        }
        SealAnswer::Closed => {
            Ok((StatusCode::ACCEPTED, Json(Closed { run: name.to_string() })).into_response())
        }
        SealAnswer::NotPushed => Err(Problem::not_pushed(&name.to_string())),
        SealAnswer::Gone => Err(Problem::no_run(&name.to_string())),
    }
}
