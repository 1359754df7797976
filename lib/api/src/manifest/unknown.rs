//! Fields that the schema does not know, and what was probably meant.

use serde_json::Value;

use super::error::Problem;
use super::path;
use super::schema::{Schema, member};

/// One problem for each field that the schema does not know.
pub(super) fn unknown_fields(schema: &Schema, object: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let whole = format!("a {}", schema.kind().name());
    walk(object, schema.root(), &whole, "", &mut problems);
    problems
}

fn walk(value: &Value, schema: &Value, whole: &str, at: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let known = schema["properties"].as_object();
                match (known, member(schema, name)) {
                    (Some(known), Value::Null) => {
                        let known: Vec<&str> = known.keys().map(String::as_str).collect();
                        problems.push(unknown(whole, at, name, &known));
                    }
                    (_, schema) => walk(value, schema, whole, &path::child(at, name), problems),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &schema["items"], whole, &path::item(at, index), problems);
            }
        }
        _ => {}
    }
}

fn unknown(whole: &str, at: &str, name: &str, known: &[&str]) -> Problem {
    let guess = closest(name, known)
        .map(|near| format!("; did you mean {}?", path::child(at, near)))
        .unwrap_or_else(|| ";".to_owned());
    let place = if at.is_empty() { whole } else { at };
    Problem::new(
        path::child(at, name),
        format!("unknown field{guess} {place} may have: {}", known.join(", ")),
    )
}

/// The known name that `name` is most likely a slip of, if it is near enough to any.
fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase().replace(['_', '-'], "");
    known
        .iter()
        .map(|near| (strsim::damerau_levenshtein(&name, &near.to_lowercase()), *near))
        .min()
        .filter(|(distance, near)| *distance <= 1 + near.len() / 4)
        .map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["recordCount", "recordSize", "keyCount", "suspend"];
        assert_eq!(closest("recordcount", &known), Some("recordCount"));
        assert_eq!(closest("record_size", &known), Some("recordSize"));
        assert_eq!(closest("keysCount", &known), Some("keyCount"));
        assert_eq!(closest("suspended", &known), Some("suspend"));
        assert_eq!(closest("replicas", &known), None);
        assert_eq!(closest("", &known), None);
    }
}
