//! Single records out.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_store::{Idempotency, Run};
use http::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::query::given;
use super::records::signed_room;
use crate::gateway::{Gateway, Shared};
use crate::keys::hex;
use crate::model::Record;
use crate::names::Names;
use crate::problem::Problem;
use crate::room::{self, Room};
use crate::runs::Name;
use crate::states::flags_of;

/// One record of a run.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/records/{record}", operation_id = "getRecord", tag = "records",
    params(("namespace" = String, Path), ("run" = String, Path), ("record" = i64, Path, description = "Its number")),
    responses((status = 200, body = Record)))]
pub(crate) async fn get_record(
    State(gateway): State<Gateway>,
    Names((namespace, run, record)): Names<(String, String, String)>,
) -> Result<Response, Problem> {
    let run = Name::of(namespace, run)?.find(&gateway.0.ledger).await?;
    let record = record.parse().map_err(|_| Problem::bad_request("a record is named by its number"))?;
    of_run(&gateway.0, &run, record).await
}

/// Which record is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestQuery {
    /// SHA-256 of its payload, in hexadecimal.
    #[param(pattern = "^[0-9a-fA-F]{64}$")]
    digest: String,
}

/// The record of a run that has a payload, by the SHA-256 of that.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/records", operation_id = "findRecord", tag = "records",
    params(("namespace" = String, Path), ("run" = String, Path), DigestQuery),
    responses((status = 200, body = Record)))]
pub(crate) async fn find_record(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    query: Result<Query<DigestQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let digest = bytes_of(&given(query)?.digest)
        .ok_or_else(|| Problem::bad_request("digest is the SHA-256 of a payload, 64 hexadecimal digits"))?;
    let run = Name::of(namespace, run)?.find(&gateway.0.ledger).await?;
    let by_content = run.input.sources().is_some_and(|sources| sources.idempotency == Idempotency::Content);
    if !by_content {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "no-digests",
            "The run does not know payloads by their content",
            "records are found by their digest in runs whose spec.idempotency.by is Content",
        ));
    }
    let found =
        gateway.0.ledger.record_of_digest(&run, &digest).await.map_err(|error| Problem::store(&error))?;
    let record =
        found.ok_or_else(|| Problem::not_found("no record of the run has a payload of this digest"))?;
    of_run(&gateway.0, &run, record).await
}

async fn of_run(shared: &Shared, run: &Run, record: i64) -> Result<Response, Problem> {
    let failed = |error| Problem::store(&error);
    let payload = shared.ledger.payload_of(run, record).await.map_err(failed)?;
    let (payload, flags) =
        payload.ok_or_else(|| Problem::not_found(format!("the run has no record {record}")))?;
    // Itself, its text, and the text of the answer; and the same again in its envelope.
    let mut room = Room::new(&shared.held);
    room.take(8 * payload.len() + signed_room(&run.keyring))?;
    let signed = shared.ledger.signed_of(run, &[record], 1).await.map_err(failed)?;
    let signed = shared.keys.shown(&shared.ledger, &run.keyring, signed).await?.pop().map(|line| line.signed);
    let payload_digest = hex(&Sha256::digest(&payload));
    let (payload, flags) = (STANDARD.encode(payload), flags.as_deref().map(flags_of).transpose()?);
    Ok(room::json(&Record { record, payload, payload_digest, signed, flags }, room))
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}
