//! Signed records, in the order of their numbers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::lines;
use super::query::{given, most};
use crate::gateway::Gateway;
use crate::model::SignedLine;
use crate::names::Names;
use crate::problem::Problem;
use crate::runs::Name;

/// The greatest number that a record is asked for by.
const GREATEST: i64 = 1_000_000_000_000_000_000;

/// Bytes of payloads that the envelopes of one answer have in them, about.
const PAYLOADS: i64 = 2 << 20;

/// Which lines of many are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behind {
    /// Behind which record, by its number; from the first on unless given.
    #[param(minimum = 0, maximum = 1_000_000_000_000_000_000i64)]
    after: Option<i64>,
    /// How many at the most, from 1 to 1000; 1000 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// The records behind a cursor that are signed, up to the first that is not, one JSON object per line.
///
/// The number of the last one is the cursor from which to go on. Of a run that is under way, ask again later.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/results", operation_id = "listResults", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path), Behind),
    responses((status = 200, description = "One object per line", body = SignedLine, content_type = "application/x-ndjson")))]
pub(crate) async fn results(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    query: Result<Query<Behind>, QueryRejection>,
) -> Result<Response, Problem> {
    let shared = &gateway.0;
    let Behind { after, limit } = given(query)?;
    let (after, most) = (after.unwrap_or(0), i64::from(most(limit)?));
    if !(0..=GREATEST).contains(&after) {
        return Err(Problem::bad_request("after is the number of a record, 0 or greater"));
    }
    let run = Name::of(namespace, run)?.find(&shared.ledger).await?;
    let wanted: Vec<i64> = (after + 1..=after + most).collect();
    let found =
        shared.ledger.signed_of(&run, &wanted, PAYLOADS).await.map_err(|error| Problem::store(&error))?;
    // Behind a gap, which fills later, nobody would look for it again.
    let without_gap = found.into_iter().zip(wanted).take_while(|(signed, number)| signed.record == *number);
    let signed = without_gap.map(|(signed, _)| signed).collect();
    let shown = shared.keys.shown(&shared.ledger, &run.keyring, signed).await?;
    let next = shown.last().map_or(after, |last| last.record);
    lines(shared, &shown, &next.to_string())
}
