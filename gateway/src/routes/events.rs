//! How far a run is, told as it changes: server-sent events (the HTML standard, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, stream};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::names::Names;
use crate::problem::Problem;
use crate::progress::{RunEvent, Told};
use crate::runs::Name;
use crate::watching::{Seen, Watch};

/// What is silent for so long says that it is still there: whoever has gone is noticed by that.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells how far a run is, each time that it changes, until it is complete.
///
/// Each event says all of where the run is: nothing is missing for one that comes back. Its name is `progress`; `sealed` once the run
/// has all its records; `complete` at the end; `gone` if the run is deleted. A stream ends after ten minutes at the latest: ask again with the id of the last
/// event, as browsers do by themselves. To one that knows the end already, 204 is answered.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/events", operation_id = "watchRun", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was heard: what has not changed since is not told")),
    responses((status = 200, description = "Events, as they happen", body = RunEvent, content_type = "text/event-stream"),
        (status = 204, description = "The run is complete, and its end was told")))]
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shared = &gateway.0;
    let run = Name::of(namespace, run)?.find(&shared.ledger).await?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let told = Told::from(&run, last);
    if run.complete && told.knows_the_end() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = shared.watching.watch(&run).ok_or_else(|| too_many(shared.limits.streams))?;
    let until = Instant::now() + shared.limits.stream_time;
    Ok(Sse::new(stream_of(Listener { watch, told, until, is_over: false })).into_response())
}

struct Listener {
    watch: Watch,
    told: Told,
    until: Instant,
    /// The last event was told.
    is_over: bool,
}

fn stream_of(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    })
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            let seen = *self.watch.seen.borrow_and_update();
            match seen {
                Seen::Nothing => {}
                Seen::Gone => {
                    self.is_over = true;
                    return Some(Event::default().event("gone").data("{}"));
                }
                Seen::There(standing) => {
                    if let Some(news) = self.told.news(&standing) {
                        self.is_over = standing.complete;
                        // What is told has a form in JSON.
                        let data = serde_json::to_string(&news.progress).unwrap_or_default();
                        return Some(Event::default().event(news.name).id(news.id).data(data));
                    }
                }
            }
            let now = Instant::now();
            if now >= self.until {
                return None;
            }
            let pause = self.until.min(now + KEEP_ALIVE);
            tokio::select! {
                changed = self.watch.seen.changed() => changed.ok()?,
                _ended = self.watch.ended.wait_for(|ended| *ended) => return None,
                () = tokio::time::sleep_until(pause) => {
                    return (pause < self.until).then(|| Event::default().comment(""));
                }
            }
        }
        None
    }
}

fn too_many(most: usize) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "streams",
        "Too many are watching",
        format!("{most} streams of events are open, which is as many as there may be; ask again later"),
    )
    .again_after(5)
}
