//! What could not become records.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use chancery_store::results::GivenUp;

use super::lines;
use super::query::{Page, given, most};
use crate::gateway::Gateway;
use crate::model::DeadLetter;
use crate::names::Names;
use crate::problem::Problem;
use crate::room::Room;
use crate::runs::Name;

/// Where nothing is before.
const START: (i32, i32, i64) = (0, 0, -1);

/// The dead letters of a run behind a cursor, one JSON object per line.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters", operation_id = "listDeadLetters", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path), Page),
    responses((status = 200, description = "One object per line", body = DeadLetter, content_type = "application/x-ndjson")))]
pub(crate) async fn dead_letters(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let ledger = &gateway.0.ledger;
    let page = given(query)?;
    let most = most(page.limit)?;
    let after = page.after.as_deref().map_or(Some(START), place);
    let after = after.ok_or_else(|| Problem::bad_request("after is the cursor of a dead letter"))?;
    let run = Name::of(namespace, run)?.find(ledger).await?;
    let found =
        ledger.given_up_after(&run, after, most.into()).await.map_err(|error| Problem::store(&error))?;
    let shown: Vec<DeadLetter> = found.into_iter().map(shown).collect();
    let next = shown.last().map(|last| last.cursor.clone()).or(page.after).unwrap_or_default();
    lines(Room::new(&gateway.0.held), &shown, &next)
}

fn shown(given_up: GivenUp) -> DeadLetter {
    let GivenUp { number, source, split, position, stage, rule, reason, arrived_at } = given_up;
    DeadLetter { source, cursor: format!("{number}.{split}.{position}"), stage, rule, reason, arrived_at }
}

pub(crate) fn place(cursor: &str) -> Option<(i32, i32, i64)> {
    if cursor.is_empty() {
        return Some(START);
    }
    let mut parts = cursor.splitn(3, '.');
    let place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(place)
}
