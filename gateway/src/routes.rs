//! What is asked of the API, and who answers.

pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod jwks;
pub(crate) mod letters;
mod query;
pub(crate) mod record;
pub(crate) mod records;
pub(crate) mod redrive;
pub(crate) mod results;
pub(crate) mod seal;
mod signatures;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK};
use serde::Serialize;

use crate::authority::Access;
use crate::gateway::Gateway;
use crate::openapi;
use crate::problem::Problem;
use crate::room::{Room, answer};
use crate::warrant::Warrant;

const RUN: &str = "/v1/namespaces/{namespace}/runs/{run}";

pub(crate) fn router(gateway: Gateway) -> Router {
    let run = |rest: &str| format!("{RUN}{rest}");
    Router::new()
        .route(&run("/records"), post(records::push_records).get(record::find_record))
        .route(&run("/records/{record}"), get(record::get_record))
        .route(&run("/seal"), post(seal::seal))
        .route(&run("/results"), get(results::results))
        .route(&run("/dead-letters"), get(dead_letters::dead_letters))
        .route(&run("/dead-letters/{letter}"), get(letters::get_letter))
        .route(&run("/dead-letters/log"), get(letters::log))
        .route(&run("/dead-letters/redrive"), post(redrive::redrive))
        .route(&run("/dead-letters/discard"), post(letters::discard))
        .route(&run("/events"), get(events::events))
        .route(&run("/jwks.json"), get(jwks::jwks_of_run))
        .route("/v1/namespaces/{namespace}/keyrings/{keyring}/jwks.json", get(jwks::jwks_of_keyring))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        // Around all, so that nobody without a token learns what there is.
        .layer(from_fn_with_state(gateway.clone(), only_with_token))
        .merge(Router::new().route("/openapi.json", get(document)))
        .with_state(gateway)
}

async fn only_with_token(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let access = Access::of(&mut parts).await;
    let shown = parts.headers.get(AUTHORIZATION).cloned();
    let warrant = Warrant::new(gateway.0.authority.clone(), shown, access);
    if let Err(problem) = warrant.check().await {
        return problem.into_response();
    }
    parts.extensions.insert(warrant.clone());
    let request = Request::from_parts(parts, body);
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    warrant.over(response)
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this path; /openapi.json lists what there is")
}

async fn not_so() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "The method is not known here",
        "this path has no such method; /openapi.json lists those that there are",
    )
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi::document()).into_response()
}

/// Lines of JSON, and where to go on behind them. Of the room that was taken to make them, their own stays taken.
fn lines<T: Serialize>(mut room: Room, items: &[T], next: &str) -> Result<Response, Problem> {
    let mut text = Vec::new();
    for item in items {
        // What is written is memory, and what is shown has a form in JSON.
        let _written = serde_json::to_writer(&mut text, item);
        text.push(b'\n');
    }
    room.resize(text.capacity())?;
    let mut response = answer("application/x-ndjson", text, room);
    if let Ok(link) = HeaderValue::from_str(&format!("<?after={next}>; rel=\"next\"")) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
