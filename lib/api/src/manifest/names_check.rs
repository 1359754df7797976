//! The names of an object: what an API server checks without being told by a schema.

use serde_json::Value;

use super::error::Problem;
use super::kind::Kind;
use super::wording::shown;

/// What is wrong with the name and the namespace. Their length and dots are the schema's
/// business.
pub(super) fn problems(object: &Value, kind: Kind) -> Vec<Problem> {
    let metadata = &object["metadata"];
    let mut problems = Vec::new();
    match &metadata["name"] {
        Value::Null => {
            let said = format!("missing; give the {} a name, such as demo", kind.noun());
            problems.push(Problem::new("metadata.name", said));
        }
        Value::String(name) if !name.split('.').all(is_label) => {
            problems.push(not_a_name("metadata.name", &metadata["name"]));
        }
        _ => {}
    }
    match &metadata["namespace"] {
        Value::String(namespace) if !(is_label(namespace) && namespace.len() <= 63) => {
            problems.push(not_a_name("metadata.namespace", &metadata["namespace"]));
        }
        _ => {}
    }
    problems
}

fn not_a_name(path: &str, value: &Value) -> Problem {
    Problem::new(
        path,
        format!(
            "{} is not a name; use lower-case letters, digits and -, with a letter or digit at both ends",
            shown(value)
        ),
    )
}

/// Whether the text has the characters of a DNS label
/// ([RFC 1123](https://www.rfc-editor.org/rfc/rfc1123#section-2.1)).
fn is_label(text: &str) -> bool {
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.iter().all(|&c| alphanumeric(c) || c == b'-')
        && bytes.first().is_some_and(|&c| alphanumeric(c))
        && bytes.last().is_some_and(|&c| alphanumeric(c))
}
