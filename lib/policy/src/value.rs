//! What expressions are evaluated to. What is part of a record, a table or an expression is lent, not copied.

use std::ops::Deref;
use std::rc::Rc;

use chancery_canonical::{canonical_double, write_string};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::budget::Failure;

/// A value of CEL.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Rc<[u8]>),
    List(List<'a>),
    Map(Map<'a>),
    Time(Timestamp),
    Span(SignedDuration),
    Type(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Lent(&'a str),
    Made(Rc<str>),
}

#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    Lent(&'a [Json]),
    Made(Rc<Vec<Value<'a>>>),
}

#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    Lent(&'a serde_json::Map<String, Json>),
    Made(Rc<Vec<(Value<'a>, Value<'a>)>>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Lent(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Lent(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Lent(items) => items.get(index).map(Value::of),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Lent(members) => members.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    /// The value of a name.
    pub(crate) fn named(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Lent(members) => members.get(name).map(Value::of),
            Self::Made(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Value::Text(text) if **text == *name))
                .map(|(_, value)| value.clone()),
        }
    }

    /// The keys, those of a record in the order of their names.
    pub(crate) fn keys(&self) -> List<'a> {
        let keys = match self {
            Self::Lent(members) => {
                members.keys().map(|name| Value::Text(Text::Lent(name.as_str()))).collect()
            }
            Self::Made(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        };
        List::Made(Rc::new(keys))
    }
}

impl<'a> Value<'a> {
    /// A part of a record or of a table.
    pub(crate) fn of(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::Text(Text::Lent(text)),
            Json::Array(items) => Self::List(List::Lent(items)),
            Json::Object(members) => Self::Map(Map::Lent(members)),
        }
    }

    pub(crate) fn text(made: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(made.into()))
    }

    pub(crate) fn list(made: Vec<Self>) -> Self {
        Self::List(List::Made(Rc::new(made)))
    }

    /// The name of its type, as `type` gives it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Span(_) => "google.protobuf.Duration",
            Self::Type(_) => "type",
        }
    }

    /// Its type for a sentence, such as `an int`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Uint(_) => "a uint",
            Self::Double(_) => "a double",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Time(_) => "a timestamp",
            Self::Span(_) => "a duration",
            Self::Type(_) => "a type",
        }
    }

    /// Appends it as JSON, which need not be canonical.
    ///
    /// # Errors
    ///
    /// JSON has no form for it.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
            // There is one zero in JSON.
            Self::Double(value) if value.is_finite() => {
                out.extend_from_slice(canonical_double(value + 0.0).as_bytes());
            }
            Self::Text(value) => write_string(out, value),
            Self::Time(value) => write_string(out, &value.to_string()),
            Self::List(List::Lent(items)) => lent(out, items)?,
            Self::Map(Map::Lent(members)) => lent(out, members)?,
            Self::List(List::Made(items)) => {
                out.push(b'[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    item.write_json(out)?;
                }
                out.push(b']');
            }
            Self::Map(Map::Made(entries)) => {
                out.push(b'{');
                for (number, (key, value)) in entries.iter().enumerate() {
                    let Self::Text(name) = key else {
                        return Err(no_form("a map whose keys are not strings"));
                    };
                    if number > 0 {
                        out.push(b',');
                    }
                    write_string(out, name);
                    out.push(b':');
                    value.write_json(out)?;
                }
                out.push(b'}');
            }
            Self::Double(_) => return Err(no_form("a number that is not finite")),
            Self::Bytes(_) | Self::Span(_) | Self::Type(_) => {
                return Err(no_form(self.kind()));
            }
        }
        Ok(())
    }
}

fn lent(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer(out, value).map_err(|error| Failure::says(error.to_string()))
}

fn no_form(what: &str) -> Failure {
    Failure::says(format!("{what} has no form in JSON"))
}
