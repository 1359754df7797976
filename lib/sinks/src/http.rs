//! A service that is sent each batch: a request with the lines of its records, signed as Standard Webhooks has it.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use chancery_reading::{Answered, Post, PostError, Poster, WebhookKeys, webhook_headers};
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use sha2::{Digest as _, Sha256};

use crate::sink::{BadSink, Batch, Manifest, Of, PutError, Sink};

/// What the body of a request is: the lines of a batch, or a manifest.
const LINES: &str = "application/x-ndjson";
const MANIFEST: &str = "application/vnd.chancery.manifest.v1+json";

/// How long a request may take: this, and a second for each MiB of it.
const ANSWER: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read, and of them those of its first line that are told.
const MOST_ANSWER: usize = 4_096;
const MOST_TOLD: usize = 200;

/// The longest pause that a service is believed.
const MOST_PAUSE: u64 = 3_600;

/// A service.
#[derive(Debug)]
pub struct HttpSink {
    url: String,
    /// What the ids of its requests begin with.
    known_by: Sha256,
    keys: Option<WebhookKeys>,
    token: Option<Token>,
    poster: Poster,
}

/// With what a service is asked.
#[derive(Clone, Default)]
pub struct HttpAccess {
    /// The keys by which requests are signed.
    pub secret: Option<String>,
    /// What is shown as a bearer token.
    pub token: Option<String>,
    /// The authorities that vouch for it, PEM, in the place of the public ones.
    pub authorities: Option<String>,
}

/// Not what is within.
impl std::fmt::Debug for HttpAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpAccess")
    }
}

struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl HttpSink {
    /// The service at a URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`BadSink`].
    pub fn open(url: &str, of: Of<'_>, access: HttpAccess) -> Result<Self, BadSink> {
        let HttpAccess { secret, token, authorities } = access;
        let keys = secret.as_deref().map(WebhookKeys::read).transpose()?;
        let is_sent = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if !token.as_ref().is_none_or(is_sent) {
            return Err(BadSink::Token);
        }
        let poster = Poster::believing(authorities.as_deref()).map_err(BadSink::Authorities)?;
        let known_by = Sha256::new_with_prefix(of.uid).chain_update(of.sink).chain_update("/");
        Ok(Self { url: url.to_owned(), known_by, keys, token: token.map(Token), poster })
    }

    /// The same for every request about a batch, and for no other.
    fn id(&self, batch: i64) -> String {
        self.id_of(&batch.to_string())
    }

    /// The same for every request about a manifest, and for no other.
    fn id_of_manifest(&self, number: i32) -> String {
        self.id_of(&format!("manifest/{number}"))
    }

    fn id_of(&self, what: &str) -> String {
        let digest = self.known_by.clone().chain_update(what).finalize();
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("msg_{hex}")
    }

    /// Returns the id.
    async fn send(&self, id: String, content_type: &'static str, body: Bytes) -> Result<String, PutError> {
        let mut headers = webhook_headers(&id, self.keys.as_ref(), &body);
        headers.extend(self.token.as_ref().map(|Token(token)| ("authorization", format!("Bearer {token}"))));
        let limit = ANSWER + Duration::from_secs(u64::try_from(body.len() >> 20).unwrap_or(u64::MAX));
        let post = Post { method: Method::POST, url: &self.url, content_type, headers: &headers, body };
        let answered = tokio::time::timeout(limit, self.poster.send(post, MOST_ANSWER)).await;
        let answered = answered.map_err(|_| PutError::away(format!("it gave no answer within {limit:?}")))?;
        let answered = answered.map_err(|error: PostError| PutError::away(error))?;
        said(&answered, SystemTime::now()).map(|()| id)
    }
}

#[async_trait]
impl Sink for HttpSink {
    async fn put(&self, batch: &Batch) -> Result<String, PutError> {
        self.send(self.id(batch.number), LINES, batch.lines.clone()).await
    }

    async fn put_manifest(&self, manifest: &Manifest) -> Result<String, PutError> {
        self.send(self.id_of_manifest(manifest.number), MANIFEST, manifest.content.clone()).await
    }
}

/// What an answer means. About a batch are those which the same request would be given again, whoever sends it and when.
fn said(answered: &Answered, now: SystemTime) -> Result<(), PutError> {
    let Answered { status, headers, beginning } = answered;
    let first = first_line(beginning);
    let why = || {
        let colon = if first.is_empty() { "" } else { ": " };
        format!("it answered with status {status}{colon}{first}")
    };
    match status {
        200..=299 => Ok(()),
        status if is_about_request(*status) => Err(PutError::Refused(why())),
        300..=399 => {
            let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            // What is behind a `?` may be a secret.
            let to = to.split(['?', '#']).next().unwrap_or_default();
            let to: String = to.chars().filter(|char| !char.is_control()).take(MOST_TOLD).collect();
            Err(PutError::away(format!(
                "it answered with status {status}, which leads elsewhere ({to}) and is not followed; make a run with the url where it is now"
            )))
        }
        // Its body may repeat what it was sent, and this is told to more people than a refusal is.
        _ => Err(PutError::Unavailable {
            why: format!("it answered with status {status}"),
            pause: pause_of(headers, now),
        }),
    }
}

/// Whether the answer is about what was sent: it would be given again, whoever sends the same and when, and another body might be taken.
pub(crate) const fn is_about_request(status: u16) -> bool {
    matches!(status, 400 | 413 | 422)
}

/// What a person is told of a body.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|char| !char.is_control()).take(MOST_TOLD).collect()
}

/// `Retry-After`: seconds, or an instant (RFC 9110, section 10.2.3).
pub(crate) fn pause_of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let given: &HeaderValue = headers.get(header::RETRY_AFTER)?;
    let given = given.to_str().ok()?.trim();
    let seconds = given.parse::<u64>().ok().or_else(|| {
        let until = DateTimeParser::new().parse_timestamp(given).ok()?;
        let now = Timestamp::try_from(now).ok()?;
        u64::try_from(until.duration_since(now).as_secs()).ok()
    });
    seconds.map(|seconds| Duration::from_secs(seconds.min(MOST_PAUSE)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn of(uid: u128, sink: &str) -> Of<'_> {
        Of { uid: Uuid::from_u128(uid), namespace: "default", run: "demo", sink }
    }

    fn open(of: Of<'_>, access: HttpAccess) -> Result<HttpSink, BadSink> {
        HttpSink::open("https://host/signed", of, access)
    }

    fn answered(status: u16, more: &[(&'static str, &'static str)], body: &'static str) -> Answered {
        let mut headers = HeaderMap::new();
        for (name, value) in more {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        Answered { status, headers, beginning: body.into() }
    }

    #[test]
    fn a_request_is_known_by_run_sink_and_batch_or_manifest() {
        let sink = |uid, name| open(of(uid, name), HttpAccess::default()).expect("a sink");
        let (one, again) = (sink(1, "hook"), sink(1, "hook"));
        assert_eq!(one.id(7), again.id(7));
        for other in [one.id(8), sink(2, "hook").id(7), sink(1, "hook2").id(7)] {
            assert_ne!(one.id(7), other);
        }
        assert_eq!(one.id_of_manifest(7), again.id_of_manifest(7));
        for other in [one.id(7), one.id_of_manifest(8), sink(2, "hook").id_of_manifest(7)] {
            assert_ne!(one.id_of_manifest(7), other);
        }
    }

    #[test]
    fn what_is_given_is_looked_at_before_anything_is_sent_and_never_told() {
        let given = |secret: Option<&str>, token: Option<&str>, authorities: Option<&str>| HttpAccess {
            secret: secret.map(str::to_owned),
            token: token.map(str::to_owned),
            authorities: authorities.map(str::to_owned),
        };
        for access in [
            given(Some("s3cret"), None, None),
            given(None, Some("s3cret s3cret"), None),
            given(None, Some("s3cret\nx: y"), None),
            given(None, None, Some("s3cret")),
        ] {
            let said = open(of(1, "hook"), access).expect_err("it is of no use");
            assert!(!format!("{said} {said:?}").contains("s3cret"), "{said}");
        }
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let sink = open(of(1, "hook"), given(Some(key), Some("s3cret"), None)).expect("a sink");
        assert!(!format!("{sink:?}").contains("s3cret"));
    }

    #[test]
    fn each_status_is_an_answer_about_the_batch_or_the_trouble_of_the_service() {
        for status in 200..=299 {
            assert_eq!(said(&answered(status, &[], ""), SystemTime::now()), Ok(()));
        }
        for status in [400, 413, 422] {
            let said = said(&answered(status, &[], "\n  no such currency\nmore\n"), SystemTime::now());
            let why = format!("it answered with status {status}: no such currency");
            assert_eq!(said, Err(PutError::Refused(why)));
        }
        for status in [
            100, 300, 302, 307, 308, 401, 403, 404, 406, 408, 409, 410, 411, 414, 415, 425, 429, 431, 500,
            503, 599,
        ] {
            let said = said(&answered(status, &[], "no such"), SystemTime::now());
            assert!(matches!(said, Err(PutError::Unavailable { pause: None, .. })), "{status}: {said:?}");
            assert!(
                !said.expect_err("it is away").to_string().contains("no such"),
                "a body may repeat what was sent"
            );
        }
        let moved = said(&answered(308, &[("location", "https://new/?sig=secret")], ""), SystemTime::now());
        assert!(moved.expect_err("it is not followed").to_string().contains("(https://new/)"));
    }

    #[test]
    fn a_service_may_say_for_how_long_it_wants_to_be_left_alone() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (given, seconds) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
            ("1000000", Some(MOST_PAUSE)),
            ("soon", None),
            ("-1", None),
        ] {
            let said = said(&answered(429, &[("retry-after", given)], ""), now).expect_err("too many");
            let pause = seconds.map(Duration::from_secs);
            assert!(
                matches!(said, PutError::Unavailable { pause: is, .. } if is == pause),
                "{given}: {said:?}"
            );
        }
    }
}
