//! Records in.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use chancery_reading::{Came, Outcome, Trace};
use chancery_sources::judge::now;
use chancery_store::Keyring;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::{Duration, Instant};
use utoipa::IntoParams;

use super::query::given;
use super::results::{PAYLOADS, holds_payload, payload_room};
use super::signatures::{Told, add};
use crate::body::{self, Held};
use crate::call::{Item, RequestName, dead, items, payload_bytes, waiting_bytes};
use crate::content;
use crate::gateway::{Gateway, Shared};
use crate::lanes::{Items, Lane};
use crate::model::Pushed;
use crate::names::Names;
use crate::places::Places;
use crate::problem::Problem;
use crate::room::{self, Room};
use crate::runs::{Name, PushedRun};
use crate::warrant::Warrant;

/// What a record takes besides its payload, on its way in.
const ITEM: usize = 192;

/// What its state takes, and what is written of that.
const STATE: usize = 112;

/// What a signature of a ring takes, with its envelope but without a payload in that, and what is written of it.
pub(super) fn signed_room(keyring: &Keyring) -> usize {
    // The longest: of ML-DSA-87 and of RSA with 4,096 bits. What is in an envelope is in it again.
    let signature = if keyring.algorithm.starts_with("ML-DSA") { 13_000 } else { 1_280 };
    if keyring.envelope == "Raw" { signature } else { 2 * signature + 512 }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushQuery {
    /// For how many seconds to wait for what others say of records, and then for the signatures, from 0 to 60; not at all unless given.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u16>,
}

/// Pushes records to a run.
///
/// Answered once they are on disk. A body is NDJSON, one JSON document, CSV, CloudEvents (structured, batched or binary mode), or
/// one payload of any other type.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/records", operation_id = "pushRecords", tag = "records",
    params(("namespace" = String, Path, description = "Namespace of the run"), ("run" = String, Path, description = "Name of the run"), PushQuery,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "A name for the request: sent again under it, it is answered as it was the first time"),
        ("traceparent" = Option<String>, Header, description = "The trace in which the records come, as W3C Trace Context has it; ignored if it is malformed. A CloudEvent may have its own")),
    request_body(content(
        (String = "application/x-ndjson"), (String = "application/json"), (String = "text/csv"),
        (String = "application/cloudevents+json"), (String = "application/cloudevents-batch+json"), (String = "application/octet-stream"))),
    responses((status = 200, description = "What became of each record", body = Pushed, links(
            ("record" = (operation_id = "getRecord", parameters(
                ("namespace" = "$request.path.namespace"), ("run" = "$request.path.run"), ("record" = "$response.body#/records/0/record")))),
            ("seal" = (operation_id = "sealRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run")))),
            ("events" = (operation_id = "watchRun", parameters(("namespace" = "$request.path.namespace"), ("run" = "$request.path.run"))))))))]
pub(crate) async fn push_records(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    query: Result<Query<PushQuery>, QueryRejection>,
    Extension(warrant): Extension<Warrant>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let Shared { lanes, limits, held, .. } = &*gateway.0;
    let name = Name::of(namespace, run)?;
    let PushQuery { wait } = given(query)?;
    let wait = Duration::from_secs(wait.unwrap_or(0).into());
    if wait > limits.wait {
        return Err(Problem::bad_request(format!("wait is longer than {} seconds", limits.wait.as_secs())));
    }
    let lane = lanes.get(&name).await?;
    let Held { bytes, mut room } = body::read(&headers, body, Room::new(held), limits).await?;
    warrant.check_since(began).await?;
    let request_name = request_name(&headers, &bytes)?;
    let bytes_held = bytes.len();
    let came = content::arrivals(&headers, bytes, limits.records).await?;
    let traces = traces(content::trace(&headers), &came);
    let outcomes: Vec<_> = came.into_iter().map(|came| came.outcome).collect();
    if outcomes.len() > limits.records {
        return Err(Problem::too_large(format!("a request has at most {} records", limits.records)));
    }
    // Before anything is taken in: what is answered has its room by then.
    let per_record = if wait.is_zero() { STATE } else { STATE + signed_room(&lane.target.run.keyring) };
    room.take(bytes_held + outcomes.len() * (ITEM + per_record) + size_of_val(&*traces))?;
    let items = Items { traces, ..named(&gateway.0.judging, &lane, outcomes).await? };
    // What was made of payloads, and marks, also those in the answer.
    let said: usize = items.items.iter().map(Item::said_bytes).sum();
    room.take(2 * said)?;
    let in_envelopes = (!wait.is_zero() && holds_payload(&lane.target.run.keyring))
        .then(|| payload_bytes(&items.items).min(PAYLOADS));
    let of_envelopes = payload_room(&lane.target.run.keyring, in_envelopes.unwrap_or_default());
    room.take(of_envelopes)?;
    let of_marks = if wait.is_zero() { 0 } else { waiting_bytes(&items.items) };
    room.take(of_marks)?;
    let mut of_answer = room.split(items.items.len() * per_record + of_envelopes + of_marks + said);
    if dead(&items.items) > limits.dead {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too-many-dead-in-one",
            "Too much of the request cannot become records",
            format!(
                "more than {} of the request cannot become records, so nothing of it was taken in",
                limits.dead
            ),
        ));
    }
    if items.items.is_empty() {
        return Ok(room::json(
            &Pushed { run: name.to_string(), repeated: false, records: Vec::new() },
            of_answer,
        ));
    }
    let target: &PushedRun = &lane.target.clone();
    let (lane, answer) = lanes.push(&name, target, items, request_name, room).await?;
    let mut records = answer.states;
    let mut told = Told { room: &mut of_answer, spare: of_marks };
    if answer.repeated {
        // Others have said what it is about since then. Nothing was taken in now.
        told.spare += said;
        if !records.iter().all(|state| told.fits(state)) {
            return Err(Problem::busy());
        }
    }
    if !wait.is_zero() {
        let until = Instant::now() + wait;
        add(&gateway.0, &lane, &mut records, in_envelopes, &mut told, until, &warrant).await?;
    }
    Ok(room::json(&Pushed { run: name.to_string(), repeated: answer.repeated, records }, of_answer))
}

/// In which trace each arrival came: in its own, or else in that of the request. Empty if all came in none.
fn traces(of_request: Option<Trace>, came: &[Came]) -> Vec<Option<Trace>> {
    let traces = came.iter().map(|came| came.trace.or(of_request));
    if of_request.is_some() || came.iter().any(|came| came.trace.is_some()) {
        traces.collect()
    } else {
        Vec::new()
    }
}

/// What is taken in of what was read. Expressions are worked out where they hold up nobody else.
async fn named(judging: &Places, lane: &Lane, outcomes: Vec<Outcome>) -> Result<Items, Problem> {
    let (target, judged_at) = (lane.target.clone(), now());
    if target.identify.is_none() && target.judge.is_none() {
        return Ok(Items { items: items(outcomes, &target, judged_at)?, judged_at, traces: Vec::new() });
    }
    let run = target.run.uid;
    let work = judging.work(run, move || items(outcomes, &target, judged_at)).await;
    let items = work.map_err(|error| {
        tracing::error!(%error, "an expression could not be worked out");
        Problem::busy()
    })??;
    Ok(Items { items, judged_at, traces: Vec::new() })
}

/// What the client calls the request, and what it sends by it.
fn request_name(headers: &HeaderMap, body: &[u8]) -> Result<Option<RequestName>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    if key.is_empty() || key.len() > 255 {
        return Err(Problem::bad_request("an Idempotency-Key has 1 to 255 characters"));
    }
    let mut sent = Sha256::new();
    let events = headers.iter().filter(|(name, _)| name.as_str().starts_with("ce-"));
    let mut events: Vec<_> = events.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    events.sort_unstable();
    let kind = headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    for (name, value) in std::iter::once(("content-type", kind)).chain(events) {
        sent.update(name);
        sent.update([0]);
        sent.update(value);
        sent.update([0]);
    }
    sent.update(body);
    Ok(Some(RequestName { key: Sha256::digest(key.as_bytes()).into(), digest: sent.finalize().into() }))
}
