//! CloudEvents 1.0 in JSON, structured mode.

use std::borrow::Cow;

use serde::Deserialize;

use crate::arrival::{Identity, Reason};
use crate::json::is_one_value;

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
