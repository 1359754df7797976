//! How a patch changes an object.

use serde_json::{Map, Value};

/// By JSON merge ([RFC 7386](https://www.rfc-editor.org/rfc/rfc7386#section-2)).
pub(super) fn merge(live: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *live = patch.clone();
        return;
    };
    let members = object(live);
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// By server-side apply, with one manager that forces: what it applied `before` and no longer does is
/// removed, what others have set beside it stays. Lists are taken as a whole.
pub(super) fn apply(live: &mut Value, before: &Value, wanted: &Value) {
    let Value::Object(wanted) = wanted else {
        *live = wanted.clone();
        return;
    };
    let members = object(live);
    for name in before.as_object().into_iter().flat_map(Map::keys) {
        if !wanted.contains_key(name) {
            members.remove(name);
        }
    }
    for (name, value) in wanted.iter().filter(|(_, value)| !value.is_null()) {
        let before = before.get(name).unwrap_or(&Value::Null);
        apply(members.entry(name).or_insert(Value::Null), before, value);
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made one")
}
