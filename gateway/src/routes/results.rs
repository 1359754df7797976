//! Signed records, in the order of their numbers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use chancery_store::Keyring;
use serde::Deserialize;
use utoipa::IntoParams;

use super::lines;
use super::query::{given, most};
use super::records::signed_room;
use crate::gateway::Gateway;
use crate::model::SignedLine;
use crate::names::Names;
use crate::problem::Problem;
use crate::room::Room;
use crate::runs::Name;

/// The greatest number that a record is asked for by.
const GREATEST: i64 = 1_000_000_000_000_000_000;

/// Bytes of payloads that the envelopes of one answer have in them, about.
pub(super) const PAYLOADS: usize = 1 << 20;

/// How often a payload is in memory while an answer is made: itself, its envelope, and the text of that, which grows by doubling.
const COPIES: usize = 6;

/// Bytes that the lines of one answer take, without payloads.
const LINES: usize = 4 << 20;

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
/// The number of the last one is the cursor from which to go on. Fewer than are asked for come where they are long. Of a run that is under
/// way, ask again later.
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
    let wanted: Vec<i64> = (after + 1..=after + most.min(most_lines(&run.keyring))).collect();
    // Before anything is read: many that read at the same time would have all of it in memory at once.
    let mut room = Room::new(&shared.held);
    room.take(wanted.len() * signed_room(&run.keyring) + payload_room(&run.keyring, PAYLOADS))?;
    let bytes = i64::try_from(PAYLOADS).unwrap_or(i64::MAX);
    let found =
        shared.ledger.signed_of(&run, &wanted, bytes).await.map_err(|error| Problem::store(&error))?;
    // The last payload may go beyond.
    let read: usize = found.iter().filter_map(|signed| signed.payload.as_ref()).map(Vec::len).sum();
    room.take(payload_room(&run.keyring, read.saturating_sub(PAYLOADS)))?;
    // Behind a gap, which fills later, nobody would look for it again.
    let without_gap = found.into_iter().zip(wanted).take_while(|(signed, number)| signed.record == *number);
    let signed = without_gap.map(|(signed, _)| signed).collect();
    let shown = shared.keys.shown(&shared.ledger, &run.keyring, signed).await?;
    let next = shown.last().map_or(after, |last| last.record);
    lines(room, &shown, &next.to_string())
}

/// Lines of an answer at the most: fewer where signatures are long.
fn most_lines(keyring: &Keyring) -> i64 {
    i64::try_from(LINES / signed_room(keyring)).unwrap_or(i64::MAX)
}

/// What payloads of so many bytes take, if they are read at all.
pub(super) fn payload_room(keyring: &Keyring, bytes: usize) -> usize {
    if holds_payload(keyring) { COPIES * bytes } else { 0 }
}

/// Whether its envelopes have the payload in them.
pub(super) fn holds_payload(keyring: &Keyring) -> bool {
    matches!(keyring.envelope.as_str(), "JWS" | "COSESign1" | "DSSE")
}
