//! CloudEvents 1.0 in the binary mode of HTTP: attributes in headers, data in the body. What is signed is the same event in
//! the structured mode, as canonical as its attributes: their names in order, then the data.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::problem::Problem;

const PREFIX: &str = "ce-";

/// Whether the request is in the binary mode.
pub(crate) fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion")
}

/// The event in the structured mode.
pub(crate) fn assemble(headers: &HeaderMap, data_type: &str, body: &Bytes) -> Result<Bytes, Problem> {
    let mut event: BTreeMap<String, Value> = BTreeMap::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
        // Strings outside of printable ASCII are percent-encoded (HTTP protocol binding, section 3.1.3.2).
        let text = percent_decode(value.as_bytes())
            .decode_utf8()
            .map_err(|_| Problem::bad_request(format!("the header {name} is no text in UTF-8")))?;
        if event.insert(attribute.to_owned(), json!(text)).is_some() {
            return Err(Problem::bad_request(format!("the header {name} is there twice")));
        }
    }
    if ["data", "data_base64", "datacontenttype"].iter().any(|name| event.contains_key(*name)) {
        return Err(Problem::bad_request(
            "the data of an event and its type are the body's, and no header is theirs",
        ));
    }
    event.insert("datacontenttype".to_owned(), json!(data_type));
    let mut text = serde_json::to_string(&event)
        .map_err(|error| Problem::bad_request(format!("the event has no form in JSON: {error}")))?;
    text.pop();
    if !body.is_empty() {
        let is_json = data_type == "application/json" || data_type.ends_with("+json");
        let member = match (is_json, serde_json::from_slice::<&RawValue>(body), std::str::from_utf8(body)) {
            (true, Ok(data), _) => format!(",\"data\":{}", data.get()),
            (true, Err(error), _) => {
                return Err(Problem::bad_request(format!("the data of the event is not JSON: {error}")));
            }
            (false, _, Ok(data)) if data_type.starts_with("text/") => format!(",\"data\":{}", json!(data)),
            _ => format!(",\"data_base64\":\"{}\"", STANDARD.encode(body)),
        };
        text.push_str(&member);
    }
    text.push('}');
    Ok(Bytes::from(text))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn event(data_type: &str, body: &'static [u8]) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-type", "t"),
            ("ce-source", "/s%20x"),
            ("ce-id", "%C3%A9"),
            ("x-other", "1"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let assembled =
            assemble(&headers, data_type, &Bytes::from_static(body)).map_err(|problem| problem.status)?;
        Ok(String::from_utf8(assembled.to_vec()).expect("text"))
    }

    #[test]
    fn an_event_is_its_headers_in_order_and_its_data() {
        let head = |kind| {
            format!(r#"{{"datacontenttype":"{kind}","id":"é","source":"/s x","specversion":"1.0","type":"t""#)
        };
        let json = event("application/json", b"{ \"b\": 1.0 }").expect("an event");
        assert_eq!(json, format!("{},\"data\":{{ \"b\": 1.0 }}}}", head("application/json")));
        assert_eq!(
            event("text/plain", b"a\"b").expect("text"),
            format!("{},\"data\":\"a\\\"b\"}}", head("text/plain"))
        );
        assert_eq!(
            event("image/png", b"\xff\x00").expect("bytes"),
            format!("{},\"data_base64\":\"/wA=\"}}", head("image/png"))
        );
        assert_eq!(event("text/plain", b"").expect("nothing"), format!("{}}}", head("text/plain")));
        assert_eq!(event("application/json", b"{oops").unwrap_err(), 400);
    }
}
