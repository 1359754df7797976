//! What a body is made of, by its headers.

use bytes::Bytes;
use chancery_reading::{BodyFormat, Came, Trace, read_body};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::cloud_event;
use crate::problem::Problem;

/// In which trace a request came: what W3C Trace Context says of it. One that is malformed, or there twice, is none.
pub(crate) fn trace(headers: &HeaderMap) -> Option<Trace> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    Trace::read(value.to_str().ok()?.trim())
}

/// The arrivals of a body; of more than `most`, one more. An event may say of itself in which trace it came.
pub(crate) async fn arrivals(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Vec<Came>, Problem> {
    let (essence, parameters) = media_type(headers)?;
    let format = match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
            BodyFormat::Ndjson
        }
        "application/cloudevents+json" => BodyFormat::Event,
        "application/cloudevents-batch+json" => BodyFormat::Events,
        other if other.starts_with("application/cloudevents") => {
            return Err(unsupported(format!(
                "events come as application/cloudevents+json or application/cloudevents-batch+json, or in the binary mode; `{}` is unknown here",
                other.escape_debug()
            )));
        }
        // The binary mode: its headers make the event, whatever type its data has.
        _ if cloud_event::is_binary(headers) => {
            let event = cloud_event::assemble(headers, &essence, &body)?;
            return read(event, BodyFormat::Event, most).await;
        }
        "application/json" => BodyFormat::Json,
        other if other.ends_with("+json") => BodyFormat::Json,
        "text/csv" => BodyFormat::Csv {
            delimiter: ',',
            // RFC 4180, section 3.
            header: !parameters.iter().any(|(name, value)| name == "header" && value == "absent"),
        },
        _ => BodyFormat::Whole,
    };
    read(body, format, most).await
}

/// Refuses a body that does not say that it is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers)?.0.as_str() {
        "application/json" => Ok(()),
        other => Err(unsupported(format!(
            "the body is to be application/json, and not `{}`",
            other.escape_debug()
        ))),
    }
}

async fn read(body: Bytes, format: BodyFormat, most: usize) -> Result<Vec<Came>, Problem> {
    read_body(body, format, most).await.map_err(|error| Problem::bad_request(error.to_string()))
}

type Parameters = Vec<(String, String)>;

/// In small letters, without quotes.
fn media_type(headers: &HeaderMap) -> Result<(String, Parameters), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(unsupported(
            "the request does not say what its body is; send a content-type, such as application/x-ndjson"
                .to_owned(),
        ));
    };
    let value = value
        .to_str()
        .map_err(|_| unsupported("the content-type is no text".to_owned()))?
        .to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let parameters = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
    Ok((essence, parameters.collect()))
}

fn unsupported(detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The type of the body is unusable", detail)
}

#[cfg(test)]
mod tests {
    use chancery_reading::Outcome;
    use http::HeaderValue;

    use super::*;

    async fn payloads(kind: &'static str, body: &'static str) -> Result<Vec<Came>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        arrivals(&headers, Bytes::from_static(body.as_bytes()), 10).await.map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn the_type_says_what_the_payloads_are() {
        for (kind, body, wanted) in [
            ("application/x-ndjson", "1\n2\n", 2),
            ("Application/X-NDJSON; charset=utf-8", "1\n2\n", 2),
            ("application/json", "1\n", 1),
            ("application/vnd.payment+json", "{\n}", 1),
            ("text/csv", "a\n1\n2\n", 2),
            ("text/csv; header=absent", "a\n1\n2\n", 3),
            ("text/plain", "1\n2\n", 1),
            ("application/octet-stream", "", 1),
        ] {
            let found = payloads(kind, body).await.expect(kind);
            assert!(
                found.iter().all(|came| matches!(came.outcome, Outcome::Payload(_))),
                "{kind}: {found:?}"
            );
            assert_eq!(found.len(), wanted, "{kind}");
        }
        assert_eq!(payloads("application/cloudevents+avro", "").await.unwrap_err(), 415);
        let none = arrivals(&HeaderMap::new(), Bytes::new(), 10).await.unwrap_err();
        assert_eq!(none.status, 415);
    }

    #[test]
    fn a_request_comes_in_one_trace_or_in_none() {
        const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("traceparent", HeaderValue::from_static(value));
            }
            trace(&headers).map(|trace| trace.to_string())
        };
        assert_eq!(of(&[TRACE]).as_deref(), Some(TRACE));
        for none in
            [&[][..], &[""], &["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"], &[TRACE, TRACE]]
        {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
