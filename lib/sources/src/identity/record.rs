//! A payload as an expression sees it. Nothing of a number is lost: one that a double may not hold is a string with its
//! text.

use std::collections::HashMap;
use std::fmt;

use cel::Value;
use cel::objects::Key;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How deep arrays and objects may lie in each other.
const MOST_DEEP: usize = 64;

/// Digits of a decimal number that a double has, whatever the number is.
const DIGITS: usize = 15;

pub(super) fn read(payload: &[u8]) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    value(raw.get().trim_ascii(), 0)
}

fn value(text: &str, depth: usize) -> Result<Value, String> {
    let wrong = |error: serde_json::Error| error.to_string();
    if depth > MOST_DEEP {
        return Err(format!("arrays and objects lie more than {MOST_DEEP} deep in each other"));
    }
    let within = |raw: &RawValue| value(raw.get().trim_ascii(), depth + 1);
    Ok(match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(text).map_err(wrong)?.into(),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
            elements.into_iter().map(within).collect::<Result<Vec<_>, _>>()?.into()
        }
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(wrong)?;
            let mut map = HashMap::with_capacity(members.len());
            for (name, raw) in members {
                map.insert(Key::from(name), within(raw)?);
            }
            Value::Map(map.into())
        }
        Some(b't') => true.into(),
        Some(b'f') => false.into(),
        Some(b'n') => Value::Null,
        _ => number(text),
    })
}

fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.chars().filter(char::is_ascii_digit).skip_while(|digit| *digit == '0').count();
    match text.parse::<f64>() {
        Ok(double) if digits <= DIGITS && (double.is_normal() || digits == 0) => double.into(),
        _ => text.to_owned().into(),
    }
}

/// The members of an object, none of them twice.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'t> Visitor<'t> for Each {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut access: A) -> Result<Members<'t>, A::Error> {
                let mut members = Vec::new();
                let mut names = std::collections::HashSet::new();
                while let Some((name, raw)) = access.next_entry::<String, &RawValue>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                    }
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}
