//! A receiver that is told of events: CloudEvents 1.0 in their structured mode over HTTP, after the handshake of the specification
//! "HTTP 1.1 Web Hooks for Event Delivery", signed as Standard Webhooks has it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chancery_reading::{Answered, BadSecret, Post, PostError, Poster, WebhookKeys, webhook_headers};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::http::{is_about_request, pause_of};

/// Of what a body is.
const EVENT: &str = "application/cloudevents+json";

/// By what name senders ask whether they may send. It is a name of the DNS, as the handshake wants one.
pub const ORIGIN: &str = "chancery.dev";

/// What types of events begin with.
const TYPES: &str = "dev.chancery.";

/// How long a request may take.
const ANSWER: Duration = Duration::from_secs(15);

/// Bytes of an answer that are read.
const MOST_ANSWER: usize = 4_096;

/// The longest time between two events that a receiver is believed.
const MOST_BETWEEN: Duration = Duration::from_secs(60);

/// Events that are told of in one go.
const AT_A_TIME: usize = 16;

/// Records that are told of in one go, of a receiver that takes them as they come.
const RECORDS_AT_A_TIME: usize = 64;

/// What is between events of which several are taken in one go.
const BRIEF: Duration = Duration::from_secs(1);

/// Why a receiver was not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// It does not take this event: an answer about it. What it said beside its status may repeat the event, and is left out.
    #[error("{0}")]
    Refused(String),
    /// It cannot be reached, or does not say that it takes events. Nothing is known of the event.
    #[error("{why}")]
    Unavailable {
        /// What is wrong, in a sentence.
        why: String,
        /// For how long it wants to be left alone, if it says so.
        pause: Option<Duration>,
    },
}

impl TellError {
    fn away(why: impl std::fmt::Display) -> Self {
        Self::Unavailable { why: why.to_string(), pause: None }
    }
}

/// Why a receiver cannot be as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNotifier {
    /// The key by which requests are signed.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The authorities that vouch for it.
    #[error("its ca.crt cannot be used: {0}")]
    Authorities(String),
}

/// A receiver.
#[derive(Debug)]
pub struct Notifier {
    url: String,
    keys: Option<WebhookKeys>,
    poster: Poster,
    /// What the handshake said; none before it.
    allowed: Mutex<Option<Allowed>>,
}

/// That a receiver takes events.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    /// Between two events, at the least.
    between: Duration,
    /// When the next one may be sent.
    next: Instant,
}

/// Whose events these are.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The run's identity: one that is made anew under its name has another.
    pub uid: uuid::Uuid,
    /// The namespace of the run.
    pub namespace: &'a str,
    /// The name of the run.
    pub run: &'a str,
    /// The trace that the event, or else the run, belongs to, as W3C Trace Context has it.
    pub traceparent: Option<&'a str>,
}

/// An event, as it is sent: the same each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// By which a receiver knows it again.
    id: String,
    body: Bytes,
    traceparent: Option<String>,
}

impl CloudEvent {
    /// What happened, and to what (`batch.signed/17`), when, and what is told of it.
    #[must_use]
    pub fn of(told: Told<'_>, what: &str, happened_at: &str, data: Value) -> Self {
        let Told { uid, namespace, run, traceparent } = told;
        let event = what.split('/').next().unwrap_or_default();
        let id = format!("{uid}/{what}");
        let mut body = Map::new();
        body.insert("specversion".to_owned(), json!("1.0"));
        body.insert("id".to_owned(), json!(id));
        body.insert("source".to_owned(), json!(format!("/namespaces/{namespace}/signingruns/{run}")));
        body.insert("type".to_owned(), json!(format!("{TYPES}{event}")));
        body.insert("subject".to_owned(), json!(subject(event, run, &data)));
        body.insert("time".to_owned(), json!(happened_at));
        if let Some(traceparent) = traceparent {
            body.insert("traceparent".to_owned(), json!(traceparent));
        }
        body.insert("datacontenttype".to_owned(), json!("application/json"));
        body.insert("data".to_owned(), data);
        let traceparent = traceparent.map(str::to_owned);
        Self { id, body: Value::Object(body).to_string().into(), traceparent }
    }

    /// The id of the request, which must not have a full stop in it.
    fn message(&self) -> String {
        let digest = Sha256::digest(&self.id);
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("msg_{hex}")
    }
}

/// To what within its run it happened.
fn subject(event: &str, run: &str, data: &Value) -> String {
    let text = |field: &str| data[field].as_str().unwrap_or_default();
    match event {
        "batch.signed" => format!("batches/{}", data["batch"]),
        "record.signed" => format!("records/{}", data["record"]),
        "record.rejected" | "record.dead" => format!("sources/{}", text("source")),
        "policy.alert" => format!("policies/{}", text("policy")),
        "delivery.dead" => format!("sinks/{}/batches/{}", text("sink"), data["batch"]),
        _ => format!("runs/{run}"),
    }
}

impl Notifier {
    /// The receiver at a URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`BadNotifier`].
    pub fn open(url: &str, secret: Option<&str>, authorities: Option<&str>) -> Result<Self, BadNotifier> {
        let keys = secret.map(WebhookKeys::read).transpose()?;
        let poster = Poster::believing(authorities).map_err(BadNotifier::Authorities)?;
        Ok(Self { url: url.to_owned(), keys, poster, allowed: Mutex::default() })
    }

    /// How many events are told of in one go: one, before it is known how many a receiver takes, and where that takes long.
    #[must_use]
    pub fn at_a_time(&self) -> usize {
        // Held for longer only by whoever asks the receiver.
        let allowed = self.allowed.try_lock().ok().and_then(|allowed| *allowed);
        if allowed.is_some_and(|allowed| allowed.between <= BRIEF) { AT_A_TIME } else { 1 }
    }

    /// How many records, each of which is an event, are told of in one go.
    #[must_use]
    pub fn records_at_a_time(&self) -> usize {
        let allowed = self.allowed.try_lock().ok().and_then(|allowed| *allowed);
        let is_free = allowed.is_some_and(|allowed| allowed.between.is_zero());
        if is_free { RECORDS_AT_A_TIME } else { self.at_a_time() }
    }

    /// Tells of an event: once this returns, the receiver has said that it took it. Before the first one it asks whether it may.
    ///
    /// # Errors
    ///
    /// [`TellError`]: only what is said of the event itself is a refusal.
    pub async fn tell(&self, event: &CloudEvent) -> Result<(), TellError> {
        self.turn().await?;
        let CloudEvent { id: _, body, traceparent } = event;
        let mut headers = webhook_headers(&event.message(), self.keys.as_ref(), body);
        // The receiver's own spans go on from there. The extension in the event stays, whoever hands that on.
        headers.extend(traceparent.clone().map(|traceparent| ("traceparent", traceparent)));
        let answered = self.send(Method::POST, EVENT, headers, body.clone()).await?;
        said(&answered)
    }

    /// Waits until the next one may be sent.
    async fn turn(&self) -> Result<(), TellError> {
        let mut allowed = self.allowed.lock().await;
        let Allowed { between, next } = match *allowed {
            Some(allowed) => allowed,
            None => self.shake_hands().await?,
        };
        let now = Instant::now();
        let at = next.max(now);
        *allowed = Some(Allowed { between, next: at + between });
        drop(allowed);
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    async fn shake_hands(&self) -> Result<Allowed, TellError> {
        let headers = vec![("webhook-request-origin", ORIGIN.to_owned())];
        let answered = self.send(Method::OPTIONS, EVENT, headers, Bytes::new()).await?;
        let Answered { status, headers, .. } = &answered;
        if !(200..300).contains(status) || !allows(headers) {
            return Err(TellError::away(format!(
                "it does not say that it takes events: OPTIONS was answered with status {status}; have it answer with the header \
                 `WebHook-Allowed-Origin: {ORIGIN}`, or with `*`"
            )));
        }
        Ok(Allowed { between: between(headers), next: Instant::now() })
    }

    async fn send(
        &self,
        method: Method,
        content_type: &'static str,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    ) -> Result<Answered, TellError> {
        let post = Post { method, url: &self.url, content_type, headers: &headers, body };
        let answered = tokio::time::timeout(ANSWER, self.poster.send(post, MOST_ANSWER)).await;
        let answered =
            answered.map_err(|_| TellError::away(format!("it gave no answer within {ANSWER:?}")))?;
        answered.map_err(|error: PostError| TellError::away(error))
    }
}

/// What an answer means. About an event are those which the same request would be given again, whoever sends it and when.
fn said(answered: &Answered) -> Result<(), TellError> {
    match answered.status {
        200..=299 => Ok(()),
        status if is_about_request(status) => {
            Err(TellError::Refused(format!("it answered with status {status}")))
        }
        status => {
            let why = format!("it answered with status {status}");
            Err(TellError::Unavailable { why, pause: pause_of(&answered.headers, SystemTime::now()) })
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn allows(headers: &HeaderMap) -> bool {
    header(headers, "webhook-allowed-origin")
        .is_some_and(|origin| origin == "*" || origin.eq_ignore_ascii_case(ORIGIN))
}

/// `WebHook-Allowed-Rate`: events a minute, or `*`.
fn between(headers: &HeaderMap) -> Duration {
    let rate = header(headers, "webhook-allowed-rate").and_then(|rate| rate.parse::<u32>().ok());
    match rate {
        None => Duration::ZERO,
        Some(rate) => Duration::from_secs(60).checked_div(rate).unwrap_or(MOST_BETWEEN).min(MOST_BETWEEN),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOLD: Told<'static> = Told {
        uid: uuid::Uuid::from_u128(1),
        namespace: "default",
        run: "demo",
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    };

    #[test]
    fn an_event_is_a_cloud_event_with_an_id_of_what_happened() {
        let of = |told, what| CloudEvent::of(told, what, "2026-03-01T12:00:00.000001Z", json!({"batch": 17}));
        let event = of(TOLD, "batch.signed/17");
        let body: Value = serde_json::from_slice(&event.body).expect("JSON");
        assert_eq!(
            body,
            json!({
                "specversion": "1.0",
                "id": "00000000-0000-0000-0000-000000000001/batch.signed/17",
                "source": "/namespaces/default/signingruns/demo",
                "type": "dev.chancery.batch.signed",
                "subject": "batches/17",
                "time": "2026-03-01T12:00:00.000001Z",
                "traceparent": TOLD.traceparent,
                "datacontenttype": "application/json",
                "data": {"batch": 17}
            })
        );
        assert_eq!(of(TOLD, "batch.signed/17"), event, "it is the same each time");
        assert!(!event.message().contains('.'));
        for other in [
            of(TOLD, "batch.signed/18"),
            of(Told { uid: uuid::Uuid::from_u128(2), ..TOLD }, "batch.signed/17"),
        ] {
            assert_ne!(other.message(), event.message());
        }
        let without = of(Told { traceparent: None, ..TOLD }, "batch.signed/17");
        let without: Value = serde_json::from_slice(&without.body).expect("JSON");
        assert_eq!(without.get("traceparent"), None);
    }

    #[test]
    fn each_event_says_to_what_it_happened() {
        for (event, data, says) in [
            ("run.completed", json!({}), "runs/demo"),
            ("record.signed", json!({"record": 1605, "batch": 17}), "records/1605"),
            ("record.dead", json!({"source": "payments"}), "sources/payments"),
            ("policy.alert", json!({"policy": "strict"}), "policies/strict"),
            ("delivery.dead", json!({"sink": "hook", "batch": 3}), "sinks/hook/batches/3"),
        ] {
            assert_eq!(subject(event, "demo", &data), says);
        }
    }

    #[test]
    fn a_receiver_says_whose_events_it_takes_and_how_many() {
        let said = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        for (origin, is) in
            [("*", true), (ORIGIN, true), ("Chancery.dev", true), ("other.example", false), ("", false)]
        {
            assert_eq!(allows(&said("webhook-allowed-origin", origin)), is, "{origin}");
        }
        assert!(!allows(&HeaderMap::new()));
        for (rate, millis) in [("*", 0), ("120", 500), ("0", 60_000), ("many", 0)] {
            assert_eq!(between(&said("webhook-allowed-rate", rate)), Duration::from_millis(millis), "{rate}");
        }
    }

    /// A receiver that has said how many it takes.
    async fn with_between(between: Duration) -> Notifier {
        let notifier = Notifier::open("https://host/", None, None).expect("a receiver");
        *notifier.allowed.lock().await = Some(Allowed { between, next: Instant::now() });
        notifier
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_as_far_apart_as_a_receiver_wants_them_and_what_was_not_sent_is_not_made_up_for() {
        let notifier = with_between(Duration::from_millis(500)).await;
        for _ in 0..2 {
            let began = Instant::now();
            let turns = tokio::join!(notifier.turn(), notifier.turn(), notifier.turn());
            assert_eq!(turns, (Ok(()), Ok(()), Ok(())));
            let passed = began.elapsed().as_millis();
            // Clocks of this kind go by milliseconds.
            assert!((1_000..=1_002).contains(&passed), "at once, and twice half a second later: {passed} ms");
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        let free = with_between(Duration::ZERO).await;
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(free.turn().await, Ok(()));
        }
        assert!(began.elapsed() < Duration::from_secs(1), "of one without a rate, nobody waits for long");
    }

    #[tokio::test]
    async fn fewer_are_taken_in_one_go_of_a_receiver_that_takes_fewer() {
        let unasked = Notifier::open("https://host/", None, None).expect("a receiver");
        assert_eq!((unasked.at_a_time(), unasked.records_at_a_time()), (1, 1));
        for (between, events, records) in [
            (Duration::ZERO, AT_A_TIME, RECORDS_AT_A_TIME),
            (Duration::from_millis(1), AT_A_TIME, AT_A_TIME),
            (BRIEF, AT_A_TIME, AT_A_TIME),
            (BRIEF + Duration::from_millis(1), 1, 1),
        ] {
            let notifier = with_between(between).await;
            let taken = (notifier.at_a_time(), notifier.records_at_a_time());
            assert_eq!(taken, (events, records), "{between:?}");
        }
    }

    #[test]
    fn what_is_given_is_looked_at_before_anything_is_sent_and_never_told() {
        for (secret, authorities) in [(Some("s3cret"), None), (None, Some("s3cret"))] {
            let said = Notifier::open("https://host/", secret, authorities).expect_err("it is of no use");
            assert!(!format!("{said} {said:?}").contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn only_an_answer_about_the_event_is_a_refusal() {
        let said = |status, after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert("retry-after", HeaderValue::from_static(after));
            }
            said(&Answered { status, headers, beginning: Bytes::from_static(b"what it was sent") })
        };
        for status in 200..=299 {
            assert_eq!(said(status, None), Ok(()));
        }
        for status in [400, 413, 422] {
            let why = format!("it answered with status {status}");
            assert_eq!(said(status, None), Err(TellError::Refused(why)), "what it says may repeat the event");
        }
        for (status, after, seconds) in [
            (302, None, None),
            (401, None, None),
            (404, None, None),
            (429, Some("7"), Some(7)),
            (503, Some("soon"), None),
        ] {
            let pause = seconds.map(Duration::from_secs);
            let said = said(status, after);
            assert!(
                matches!(said, Err(TellError::Unavailable { pause: is, .. }) if is == pause),
                "{status}: {said:?}"
            );
        }
    }
}
