//! The value of an expression, in canonical form (RFC 8785).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cel::Value;
use cel::objects::Key;
use chancery_reading::{canonical_double, canonical_json};

/// Its canonical form. A whole number that a double does not hold is a string with its digits.
pub(super) fn canonical(value: &Value) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    write(&mut text, value)?;
    canonical_json(&text).map_err(|reason| reason.to_string())
}

/// The canonical form of a list of these.
pub(super) fn of_strings(values: &[&str]) -> Result<Vec<u8>, String> {
    let text = serde_json::to_string(values).map_err(|error| error.to_string())?;
    canonical_json(&text).map_err(|reason| reason.to_string())
}

fn write(out: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::UInt(value) => out.push_str(&value.to_string()),
        Value::Float(value) if value.is_finite() => out.push_str(&canonical_double(*value + 0.0)),
        Value::String(value) => string(out, value),
        Value::Bytes(value) => string(out, &STANDARD.encode(value.as_slice())),
        // The same instant is the same, wherever it was written.
        Value::Timestamp(value) => string(out, &value.to_utc().to_rfc3339()),
        Value::List(values) => {
            out.push('[');
            for (number, value) in values.iter().enumerate() {
                out.push_str(if number == 0 { "" } else { "," });
                write(out, value)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (number, (key, value)) in map.map.iter().enumerate() {
                let Key::String(name) = key else { return Err(no_form(&format!("the key {key:?}"))) };
                out.push_str(if number == 0 { "" } else { "," });
                string(out, name);
                out.push(':');
                write(out, value)?;
            }
            out.push('}');
        }
        Value::Float(_) | Value::Duration(_) | Value::Function(..) | Value::Opaque(_) => {
            return Err(no_form(&format!("a value of type {}", value.type_of())));
        }
    }
    Ok(())
}

fn no_form(what: &str) -> String {
    format!("{what} has no form in JSON")
}

fn string(out: &mut String, value: &str) {
    // Strings are always written.
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}
