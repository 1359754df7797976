//! One field of the schema, in words.

use serde_json::Value;

use super::kubernetes::Kubernetes;
use super::{code, list};

/// A field, and what the schema says of it.
pub(super) struct Field<'a> {
    /// From the object down, such as `spec.signerTemplate.labels`.
    pub(super) path: String,
    schema: &'a Value,
    required: bool,
}

impl<'a> Field<'a> {
    /// Every field below the one of this path, in the schema's order. What is inside of a type of
    /// Kubernetes is left to the documentation of Kubernetes.
    pub(super) fn all_below(path: &str, schema: &'a Value) -> Vec<Self> {
        let mut fields = Vec::new();
        collect(&mut fields, path, &schema["properties"][path]);
        fields
    }

    pub(super) fn description(&self) -> &'a str {
        self.schema["description"].as_str().unwrap_or_else(|| panic!("{} has no description", self.path))
    }

    pub(super) fn kind(&self) -> String {
        kind(self.schema)
    }

    /// Which values of the type are allowed; empty if all are.
    pub(super) fn bounds(&self) -> String {
        let schema = self.schema;
        let range = |least: &str, most: &str, unit: &str| match (schema.get(least), schema.get(most)) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
            (Some(least), None) => Some(format!("at least {least}{unit}")),
            (None, Some(most)) => Some(format!("at most {most}{unit}")),
            (None, None) => None,
        };
        let choices =
            schema["enum"].as_array().map(|values| values.iter().map(value).collect::<Vec<_>>().join(", "));
        let pattern = schema["pattern"].as_str().map(|pattern| format!("matches {}", code(pattern)));
        let bounds = [
            choices,
            range("minimum", "maximum", ""),
            range("minLength", "maxLength", " characters"),
            range("minItems", "maxItems", " items"),
            pattern,
        ];
        bounds.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    pub(super) fn default(&self) -> String {
        match self.schema.get("default") {
            Some(default) => value(default),
            None if self.required => "required".to_owned(),
            None => "none".to_owned(),
        }
    }
}

fn collect<'a>(fields: &mut Vec<Field<'a>>, path: &str, schema: &'a Value) {
    let required: Vec<&str> = list(&schema["required"]).collect();
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        fields.push(Field { path: path.clone(), schema: below, required: required.contains(&name.as_str()) });
        let (path, inner) = match below.get("items") {
            Some(items) => (format!("{path}[]"), items),
            None => (path, below),
        };
        if Kubernetes::named(inner).is_none() {
            collect(fields, &path, inner);
        }
    }
}

fn kind(schema: &Value) -> String {
    if let Some(kubernetes) = Kubernetes::named(schema) {
        return kubernetes.link();
    }
    let format = schema["format"].as_str();
    match (schema["type"].as_str(), format) {
        (Some("array"), _) => format!("list of {}", kind(&schema["items"])),
        (Some("object"), _) if schema.get("additionalProperties").is_some() => {
            format!("map of string to {}", kind(&schema["additionalProperties"]))
        }
        (Some("object"), _) if schema.get("x-kubernetes-preserve-unknown-fields").is_some() => {
            "[JSON Schema](https://json-schema.org/draft/2020-12)".to_owned()
        }
        (Some("string"), Some("date-time")) => {
            "time ([RFC 3339](https://www.rfc-editor.org/rfc/rfc3339))".to_owned()
        }
        (Some("integer"), Some("int32")) => "integer, 32 bits".to_owned(),
        (Some("integer"), Some("int64")) => "integer, 64 bits".to_owned(),
        (Some(plain), None) => plain.to_owned(),
        other => panic!("the reference has no words for the type {other:?}"),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => code(text),
        other => code(&other.to_string()),
    }
}
