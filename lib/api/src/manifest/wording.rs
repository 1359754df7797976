//! What the schema objects to, in sentences.

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::error::Problem;
use super::path;
use super::schema::Schema;

/// Longest piece of a manifest that a message repeats, in characters.
const MAX_SHOWN: usize = 60;

/// What the schema objects to in `object`. `document` is the object as it was written.
pub(super) fn schema_problems(schema: &Schema, object: &Value, document: &Value) -> Vec<Problem> {
    let errors: Vec<_> = schema.validator().iter_errors(object).collect();
    let wrong_type: Vec<_> = errors
        .iter()
        .filter(|error| matches!(error.kind(), Kind::Type { .. }))
        .map(|error| error.instance_path().as_str().to_owned())
        .collect();
    errors
        .iter()
        .filter(|error| {
            // Of a value of the wrong type, that alone is worth saying.
            matches!(error.kind(), Kind::Type { .. })
                || !wrong_type.iter().any(|path| path == error.instance_path().as_str())
        })
        .map(|error| problem(schema, error, document))
        .collect()
}

fn problem(schema: &Schema, error: &ValidationError<'_>, document: &Value) -> Problem {
    let at = path::dotted(error.instance_path());
    let value = shown(error.instance());
    let wanted = schema.at(error.instance_path());
    let message = match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let location = error.instance_path().join(name);
            let state = match document.pointer(location.as_str()) {
                Some(_) => "no value given",
                None => "missing",
            };
            let message = format!("{state}; give {}", described(schema.at(&location)));
            return Problem::new(path::child(&at, name), message);
        }
        Kind::Type { .. } => {
            let found = type_of(error.instance());
            format!("{value} is {found}, and {} is wanted", described(wanted))
        }
        Kind::Minimum { limit } => format!("{value} is below the least value allowed, {limit}"),
        Kind::Maximum { limit } => format!("{value} is above the greatest value allowed, {limit}"),
        Kind::Enum { .. } => format!("{value} is not allowed; give {}", described(wanted)),
        Kind::MaxLength { limit } => {
            format!("{value} is too long; at most {limit} characters are allowed")
        }
        Kind::MinLength { .. } | Kind::Pattern { .. } => {
            format!("{value} has the wrong form; give {}", described(wanted))
        }
        other => format!("{error} ({})", other.keyword()),
    };
    Problem::new(at, message)
}

/// What a part of the schema wants, with its article: "an integer from 1 to 1000".
fn described(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<_> = choices.iter().map(bare).collect();
        return match choices.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => choices.concat(),
        };
    }
    match schema["type"].as_str() {
        Some("integer") => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Null, _) | (_, Value::Null) => "an integer".to_owned(),
            (least, greatest) => format!("an integer from {least} to {greatest}"),
        },
        Some("boolean") => "true or false".to_owned(),
        Some("string") => match (&schema["pattern"], &schema["default"]) {
            (Value::String(_), example @ Value::String(_)) => format!("a string such as {example}"),
            _ => "a string".to_owned(),
        },
        Some("object") => match schema["required"].as_array() {
            Some(required) if !required.is_empty() => {
                let required: Vec<_> = required.iter().map(bare).collect();
                format!("a mapping with at least {}", required.join(", "))
            }
            _ => "a mapping".to_owned(),
        },
        Some("array") => "a list".to_owned(),
        _ => "another value".to_owned(),
    }
}

/// The type of a value, with its article.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A value as JSON, cut to what fits a sentence, and without passwords of URLs.
pub(super) fn shown(value: &Value) -> String {
    let text = without_passwords(value).to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A URL may hold a password where none is allowed, and what is said of it is read by others.
fn without_passwords(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_password(text)),
        Value::Array(items) => items.iter().map(without_passwords).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), without_passwords(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn without_password(text: &str) -> String {
    let mut shown = text.to_owned();
    if let Some(begin) = text.find("://").map(|at| at + 3) {
        let end = text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
        let userinfo = text[begin..end].rfind('@').map(|at| begin..begin + at);
        if let Some((colon, userinfo)) =
            userinfo.and_then(|place| Some((text[place.clone()].find(':')?, place)))
        {
            shown.replace_range(userinfo.start + colon + 1..userinfo.end, "…");
        }
    }
    if let Some(begin) = shown.find("password=").map(|at| at + "password=".len()) {
        let end = shown[begin..].find('&').map_or(shown.len(), |at| begin + at);
        shown.replace_range(begin..end, "…");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (given, said) in [
            ("postgres://u:secret@h/d?a=b", "postgres://u:…@h/d?a=b"),
            ("postgres://u:se:cr@et@h", "postgres://u:…@h"),
            ("postgres://h/d?password=secret&a=b", "postgres://h/d?password=…&a=b"),
            ("https://u@h:1/:x@y", "https://u@h:1/:x@y"),
            ("https://h:8443", "https://h:8443"),
            ("no URL: a@b", "no URL: a@b"),
        ] {
            assert_eq!(shown(&Value::from(given)), format!("{said:?}"));
        }
        let below = serde_json::json!({"table": [{"url": "postgres://u:secret@h"}]});
        assert!(!shown(&below).contains("secret"), "{}", shown(&below));
    }
}
