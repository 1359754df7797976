//! The rules that an API server checks beside bounds and types.

use serde_json::Value;

use super::text;

/// One rule, in CEL.
pub(super) struct Rule<'a> {
    /// The path of the field that the rule speaks of; `metadata.name` for one about the whole object.
    pub(super) about: String,
    pub(super) cel: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Rule<'a> {
    /// Every rule of the schema, those of the whole object first.
    pub(super) fn all_of(schema: &'a Value) -> Vec<Self> {
        let mut rules = Vec::new();
        collect(&mut rules, "", schema);
        rules
    }

    /// Whether the field of this path, or an object that it is in, must stay as it was.
    pub(super) fn forbids_change_of(&self, path: &str) -> bool {
        let within =
            path.strip_prefix(&self.about).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        within && self.cel.contains("oldSelf")
    }
}

fn collect<'a>(rules: &mut Vec<Rule<'a>>, path: &str, schema: &'a Value) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let field = rule["fieldPath"].as_str().unwrap_or_default();
        let about = format!("{path}{field}");
        // Of the object itself a rule sees nothing but its name.
        let about = if about.is_empty() { "metadata.name".to_owned() } else { about };
        rules.push(Rule { about, cel: text(&rule["rule"]), message: text(&rule["message"]) });
    }
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect(rules, &path, below);
    }
}
