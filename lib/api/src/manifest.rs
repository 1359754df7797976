//! Manifests: from the YAML that a person wrote to a run, or a policy, that is known to be good.
//!
//! The checks are those of an API server with strict field validation: the schema of the
//! custom resource definition, then its CEL rules. All that is wrong is reported at once.
//!
//! Where an API server is lenient, so is this: a member that is `null` counts as left out,
//! and a number such as `1e3` counts as an integer if it is one. A key given twice is
//! refused, though, because `kubectl` would silently take the last.

mod error;
mod kind;
mod names_check;
mod path;
mod places;
mod policy;
mod rules;
mod run_file;
mod schema;
mod unknown;
mod wording;
mod yaml;

pub use error::{FieldChange, ManifestError, Problem};
pub use kind::Kind;
pub use places::Place;
pub use policy::{PolicyFile, check_policy, parse_policy};
pub use run_file::RunFile;

use serde_json::Value;

use crate::names;
use crate::signing_run::{SigningRun, SigningRunSpec};
use crate::validated::ValidatedRun;
use schema::Schema;

/// Reads a manifest that holds one `SigningRun`, and checks all of it.
///
/// # Errors
///
/// Says everything that is wrong with the text; see [`ManifestError`].
pub fn parse(yaml: &str) -> Result<SigningRun, ManifestError> {
    let document = yaml::single_document(yaml, Kind::Run)?;
    require(Kind::Run, &document)?;
    let object = checked(Kind::Run, &document)?;
    // The schema has passed it, so this fails only where the schema and the types differ.
    serde_json::from_value(object)
        .map_err(|error| ManifestError::invalid(vec![Problem::new("", error.to_string())]))
}

/// Checks a run and turns it into the form that everything else takes.
///
/// # Errors
///
/// [`ManifestError::Invalid`], with everything that is wrong.
pub fn validate(run: &SigningRun) -> Result<ValidatedRun, ManifestError> {
    checked(Kind::Run, &as_json(run))?;
    ValidatedRun::from_checked(run).map_err(|problem| ManifestError::invalid(vec![problem]))
}

/// Checks that an existing run may become another, as an API server would on an update.
///
/// # Errors
///
/// [`ManifestError::Invalid`] if `new` is not good in itself, else
/// [`ManifestError::Immutable`] with each field that changed but cannot.
pub fn check_update(old: &SigningRun, new: &SigningRun) -> Result<(), ManifestError> {
    let (old, new) = (as_json(old), as_json(new));
    let new = checked(Kind::Run, &new)?;
    let changes: Vec<_> = rules::broken(Schema::of(Kind::Run), &new, Some(&old))
        .into_iter()
        .map(|broken| FieldChange {
            old: path::lookup(&old, &broken.path).cloned(),
            new: path::lookup(&new, &broken.path).cloned(),
            path: broken.path,
        })
        .collect();
    if changes.is_empty() { Ok(()) } else { Err(ManifestError::immutable(changes)) }
}

/// A run as a manifest that [`parse`] and `kubectl apply` read: fields of the spec that are as they would be without being
/// given are left out.
///
/// # Panics
///
/// Never: it is plain data.
pub fn manifest_yaml(run: &SigningRun) -> String {
    let mut object = as_json(run);
    let left_out = as_json(&SigningRun::new("", SigningRunSpec::new(1, 1, 1)));
    if let (Some(spec), Some(left_out)) = (object["spec"].as_object_mut(), left_out["spec"].as_object()) {
        // These have no default.
        let given = |field: &str| ["recordCount", "keyCount", "batchSize"].contains(&field);
        spec.retain(|field, value| given(field) || left_out.get(field) != Some(value));
        // What is said of a source or of a sink by yes or no is no, unless given.
        for list in ["sources", "sinks"] {
            let entries = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
            entries
                .filter_map(Value::as_object_mut)
                .for_each(|entry| entry.retain(|_, value| *value != Value::Bool(false)));
        }
    }
    serde_saphyr::to_string(&object).expect("plain JSON is YAML")
}

fn as_json(run: &SigningRun) -> Value {
    serde_json::to_value(run).expect("a SigningRun is plain JSON")
}

/// The document as an API server would store it, defaults apart.
fn checked(kind: Kind, document: &Value) -> Result<Value, ManifestError> {
    let schema = Schema::of(kind);
    let object = schema::normalized(document, schema.root());
    let mut problems = unknown::unknown_fields(schema, &object);
    problems.extend(wording::schema_problems(schema, &object, document));
    problems.extend(names_check::problems(&object, kind));
    let sound = problems.is_empty();
    problems.extend(
        rules::broken(schema, &object, None)
            .into_iter()
            // A rule stumbles over a value of the wrong type, which is reported already.
            .filter(|broken| sound || broken.evaluated)
            .map(|broken| broken.into_problem(&object)),
    );
    if problems.is_empty() { Ok(object) } else { Err(ManifestError::invalid(problems)) }
}

/// Told apart from other problems, because for another kind of object none of this schema's
/// complaints would help.
fn require(wanted: Kind, document: &Value) -> Result<(), ManifestError> {
    let Value::Object(members) = document else {
        return Err(ManifestError::NotAMapping { kind: wanted, found: wording::type_of(document) });
    };
    let given = |key: &str| match members.get(key) {
        None | Some(Value::Null) => "none".to_owned(),
        Some(value) => wording::shown(value),
    };
    if members.get("apiVersion").and_then(Value::as_str) == Some(names::API_VERSION)
        && members.get("kind").and_then(Value::as_str) == Some(wanted.name())
    {
        return Ok(());
    }
    Err(ManifestError::OtherKind { wanted, api_version: given("apiVersion"), kind: given("kind") })
}
