//! A payload as JSON, read once.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// The payload as JSON. What two readers might read differently is none: a member that is there twice.
///
/// # Errors
///
/// A sentence that says why not.
pub(crate) fn read(payload: &[u8]) -> Result<Value, String> {
    let Strict(value) =
        serde_json::from_slice(payload).map_err(|error| format!("the payload is not JSON: {error}"))?;
    Ok(value)
}

/// Whether the payload is JSON that everybody reads alike.
#[must_use]
pub fn is_json(payload: &[u8]) -> bool {
    read(payload).is_ok()
}

/// The number of values in a value, itself included.
pub(crate) fn count(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<u64>(),
        Value::Object(members) => 1 + members.values().map(count).sum::<u64>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                // JSON has no number that is not finite.
                Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::String(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(Value::String(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Strict(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(Value::Array(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut members = Map::new();
                while let Some((name, Strict(value))) = map.next_entry::<String, Strict>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!(
                            "`{}` is there twice",
                            name.escape_debug()
                        )));
                    }
                    members.insert(name, value);
                }
                Ok(Value::Object(members))
            }
        }

        deserializer.deserialize_any(Any).map(Strict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_as_it_is_written() {
        for text in [r#"{"a":[1,-2,0.5,true,null,"x"],"b":{}}"#, "7", "18446744073709551615", r#""é\n""#] {
            let wanted: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(wanted), "{text}");
        }
        assert_eq!(count(&read(br#"{"a":[1,2],"b":{}}"#).unwrap()), 5);
    }

    #[test]
    fn what_two_readers_might_read_differently_is_none() {
        for (payload, said) in [
            (r#"{"a":1,"\u0061":2}"#, "`a` is there twice"),
            (r#"{"x":{"a":1,"a":1}}"#, "`a` is there twice"),
            ("[1,]", "trailing comma"),
            ("1e999", "number out of range"),
            ("{} {}", "trailing characters"),
            ("", "EOF"),
        ] {
            let error = read(payload.as_bytes()).unwrap_err();
            assert!(
                error.starts_with("the payload is not JSON: ") && error.contains(said),
                "{payload}: {error}"
            );
        }
        assert!(read(b"\"\xff\"").is_err());
        assert!(read(&[b'['; 100_000]).is_err(), "depth is bounded");
    }
}
