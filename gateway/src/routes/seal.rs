//! The end of what is pushed to a run.

use axum::Json;
use axum::extract::State;
use chancery_store::pushing::SealAnswer;

use crate::gateway::Gateway;
use crate::model::Sealed;
use crate::names::Names;
use crate::problem::Problem;
use crate::runs::Name;

/// Seals a run: nothing more is taken in, and once all is signed it is complete.
///
/// It may be called again.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/seal", operation_id = "sealRun", tag = "records",
    params(("namespace" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = Sealed, links(
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run")))),
            ("results" = (operation_id = "listResults", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run"))))))))]
pub(crate) async fn seal(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
) -> Result<Json<Sealed>, Problem> {
    let ledger = &gateway.0.ledger;
    let name = Name::of(namespace, run)?;
    let run = name.find(ledger).await?;
    match ledger.seal_pushes(&run).await.map_err(|error| Problem::store(&error))? {
        SealAnswer::Sealed => {
            let records = name.find(ledger).await?.sealed_records.unwrap_or_default();
            Ok(Json(Sealed { run: name.to_string(), records }))
        }
        SealAnswer::NotPushed => Err(Problem::not_pushed(&name.to_string())),
        SealAnswer::Gone => Err(Problem::no_run(&name.to_string())),
    }
}
