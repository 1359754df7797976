//! CloudEvents 1.0 in JSON, structured mode.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::arrival::{Identity, Reason};
use crate::json::is_one_value;
use crate::trace::Trace;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// The source and the id of an event, after a look at what an event must have.
///
/// # Errors
///
/// [`Reason::NotUtf8`], [`Reason::NotJson`], [`Reason::NotCloudEvent`].
pub fn identity_of(bytes: &[u8]) -> Result<Identity, Reason> {
    is_one_value(bytes)?;
    let not = |why: String| Reason::NotCloudEvent(why);
    // Serde would take an array of four strings as well.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(not("it is not a JSON object".to_owned()));
    }
    let Event { specversion, id, source, kind } =
        serde_json::from_slice(bytes).map_err(|error| not(error.to_string()))?;
    if specversion != "1.0" {
        return Err(not(format!("its specversion is `{}`, and 1.0 is wanted", specversion.escape_debug())));
    }
    for (name, value) in [("id", &id), ("source", &source), ("type", &kind)] {
        if value.is_empty() {
            return Err(not(format!("its {name} is empty")));
        }
    }
    Ok(Identity { source: source.into_owned(), id: id.into_owned() })
}

/// The extension of events for distributed tracing
/// (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md>).
#[derive(Deserialize)]
struct Traced<'a> {
    #[serde(borrow)]
    traceparent: &'a RawValue,
}

/// In which trace an event came. One that is malformed, or there twice, is none.
pub(crate) fn trace_of(event: &[u8]) -> Option<Trace> {
    // Few have one, and none is read twice for nothing.
    memchr::memmem::find(event, b"\"traceparent\"")?;
    let Traced { traceparent } = serde_json::from_slice(event).ok()?;
    Trace::read(&serde_json::from_str::<Cow<'_, str>>(traceparent.get()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_source_and_id() {
        let event =
            br#" {"specversion":"1.0","type":"t","source":"/a","id":"A\u002d1","data":[{"id":3}],"x":1e999}"#;
        assert_eq!(identity_of(event), Ok(Identity { source: "/a".into(), id: "A-1".into() }));
    }

    #[test]
    fn an_event_says_in_which_trace_it_came_and_what_is_malformed_is_ignored() {
        const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = |members: &str| {
            let event = format!(r#"{{"specversion":"1.0","type":"t","source":"s","id":"i"{members}}}"#);
            identity_of(event.as_bytes()).expect("an event");
            trace_of(event.as_bytes()).map(|trace| trace.to_string())
        };
        assert_eq!(trace(&format!(r#","traceparent":"{TRACE}","x":1e999"#)).as_deref(), Some(TRACE));
        for none in [
            String::new(),
            r#","traceparent":"00-x""#.to_owned(),
            r#","traceparent":7"#.to_owned(),
            r#","traceparent":null"#.to_owned(),
            format!(r#","traceparent":"{TRACE}","traceparent":"{TRACE}""#),
            format!(r#","data":{{"traceparent":"{TRACE}"}}"#),
        ] {
            assert_eq!(trace(&none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_event_is_dead() {
        for (text, wanted) in [
            (r#"["1.0","id","source","type"]"#, "not a JSON object"),
            (r#"{"specversion":"1.0","type":"t","source":"s"}"#, "missing field `id`"),
            (r#"{"specversion":"1.0","type":"t","source":"s","id":""}"#, "its id is empty"),
            (r#"{"specversion":"1.0","type":"t","source":"s","id":7}"#, "invalid type: integer `7`"),
            (r#"{"specversion":"0.3","type":"t","source":"s","id":"i"}"#, "1.0 is wanted"),
            (r#"{"specversion":"1.0","type":"t","source":"s","id":"i","id":"j"}"#, "duplicate field `id`"),
        ] {
            let said = identity_of(text.as_bytes()).expect_err(text).to_string();
            assert!(said.starts_with("it is not a CloudEvent") && said.contains(wanted), "{said}");
        }
        assert!(matches!(identity_of(b"{"), Err(Reason::NotJson(_))));
    }
}
