//! The CEL rules of the schema, evaluated as an API server does.

use kube::core::cel::{ErrorKind, validate_compiled};
use serde_json::Value;

use super::error::Problem;
use super::path;
use super::schema::Schema;
use super::wording::shown;

/// A rule that does not hold.
pub(super) struct Broken {
    pub(super) path: String,
    /// Whether the rule said no, rather than failed to be evaluated.
    pub(super) evaluated: bool,
    message: String,
}

/// The rules that do not hold; those about changes are asked only if there is an old object.
pub(super) fn broken(schema: &Schema, object: &Value, old: Option<&Value>) -> Vec<Broken> {
    let errors = match validate_compiled(schema.rules(), object, old) {
        Ok(()) => return Vec::new(),
        Err(errors) => errors,
    };
    errors
        .into_iter()
        .map(|error| Broken {
            path: match error.field_path.as_str() {
                // The rules on the object as a whole can see nothing but its name, and
                // name it in their message because an API server has no path for it.
                "" => "metadata.name".to_owned(),
                path => path.to_owned(),
            },
            evaluated: error.kind == ErrorKind::ValidationFailure,
            message: error.message,
        })
        .collect()
}

impl Broken {
    pub(super) fn into_problem(self, object: &Value) -> Problem {
        let value = path::lookup(object, &self.path).map_or("missing;".to_owned(), shown);
        let prefix = format!("{} ", self.path);
        let message = self.message.strip_prefix(&prefix).unwrap_or(&self.message);
        Problem::new(self.path, format!("{value} {message}"))
    }
}
