//! Paths of fields, as people write them: `spec.recordCount`, `status.conditions[0].type`.

use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

/// The dotted form of a JSON pointer.
pub(super) fn dotted(location: &Location) -> String {
    let mut path = String::new();
    for segment in location {
        match segment {
            LocationSegment::Property(name) => path = child(&path, &name),
            LocationSegment::Index(index) => path = item(&path, index),
        }
    }
    path
}

/// The path of a member. A name with dots in it, such as an annotation's, goes in brackets.
pub(super) fn child(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/'));
    match (path.is_empty(), plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{name:?}]"),
    }
}

/// The path of an item of a list.
pub(super) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The value at a path of plain names and places in lists, such as those of the rules.
pub(super) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| {
        let (name, places) = name.split_once('[').unwrap_or((name, ""));
        let items = places.split('[').filter_map(|place| place.strip_suffix(']')?.parse::<usize>().ok());
        items.into_iter().try_fold(value.get(name)?, |value, index| value.get(index))
    })
}
