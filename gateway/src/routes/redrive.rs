//! Dead letters, judged anew: in their own run, or in another one.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use chancery_sources::letters::{TookUp, goes_on, note_for, take_up};
use chancery_store::letters::Became;
use http::{HeaderMap, StatusCode};

use crate::apart::with_letters;
use crate::gateway::Gateway;
use crate::letters::{RedriveRequest, Which, asked, problem};
use crate::model::Redriven;
use crate::names::Names;
use crate::problem::Problem;
use crate::redrive::{self, Prepared};
use crate::room::{self, Room};
use crate::runs::Name;
use crate::warrant::Warrant;

/// Has dead letters of a run judged anew, as they were kept: by the run itself while it is open, or by another run that is made as that
/// one was. Those about which the policy asks others are pending, until the run's intake has settled them.
///
/// Another run reads those of a run that is sealed. Asked again with the same name, it goes on where it was.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters/redrive", operation_id = "redriveDeadLetters", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path)),
    request_body = RedriveRequest,
    responses((status = 200, description = "The run has taken them up", body = Redriven),
        (status = 202, description = "Another run is made; its events tell how far it is", body = Redriven, links(
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.body#/into"))))))))]
pub(crate) async fn redrive(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    Extension(warrant): Extension<Warrant>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let shared = &gateway.0;
    let name = Name::of(namespace, run)?;
    let RedriveRequest { into, which } = asked(shared, &warrant, &headers, body).await?;
    let selection = Which::selection(which)?;
    let actor = warrant.who().await?;
    let Some(into) = into else {
        let (run, ledger) = (name.find(&shared.ledger).await?, shared.ledger.clone());
        let taken_up = with_letters(move |until| async move {
            let selection = selection.within(until);
            take_up(&ledger, &run, &selection, &actor).await.map_err(|error| problem(&error))
        });
        let taken_up = taken_up.await??;
        return Ok(room::json(&taken(name.to_string(), &taken_up), Room::new(&shared.held)));
    };
    let Some(redrive) = shared.redrive.get() else {
        return Err(redrive::of_cluster(&name.find(&shared.ledger).await?, &into));
    };
    // Whose the run is, no client is shown; by that it is decided who may read it again.
    let run = shared.ledger.find_run(&name.namespace, &name.run).await;
    let run = run.map_err(|error| Problem::store(&error))?;
    let Prepared { redriving, is_new } = redrive::prepared(&shared.ledger, &run, &into).await?;
    if is_new {
        let (ledger, run, into) = (shared.ledger.clone(), run.clone(), into.clone());
        let noted = with_letters(move |until| async move {
            let selection = selection.within(until);
            note_for(&ledger, &run, &into, &selection, &actor).await.map_err(|error| problem(&error))
        });
        noted.await??;
    } else {
        let goes_on = goes_on(&shared.ledger, &run, &into, &selection).await;
        goes_on.map_err(|error| problem(&error))?;
    }
    redrive.redrive(redriving).await.map_err(|reason| redrive::failed(&reason))?;
    let redriven = Redriven { run: format!("{}/{into}", run.namespace), ..Redriven::default() };
    let mut response = room::json(&redriven, Room::new(&shared.held));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn taken(run: String, TookUp { act, became, not_whole, lost, unsaid }: &TookUp) -> Redriven {
    let Became { admitted, duplicates, rejected, dead, pending } = *became;
    Redriven {
        run,
        act: Some(*act),
        admitted: Some(admitted),
        duplicates: Some(duplicates),
        rejected: Some(rejected),
        dead: Some(dead),
        pending: Some(pending).filter(|pending| *pending > 0),
        left_out: Some(not_whole + lost + unsaid.letters),
    }
}
