//! Manifests for the tests, and the generated schema that they are walked by.

use chancery_api::{ManifestError, SigningRun, parse};
use kube::CustomResourceExt;
use serde_json::{Value, json};

/// A manifest with nothing but what is required.
pub(crate) fn minimal() -> Value {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningRun",
        "metadata": {"name": "demo"},
        "spec": {"recordCount": 100, "keyCount": 10, "batchSize": 10},
    })
}

/// [`minimal`] with one field of the spec set.
pub(crate) fn with(field: &str, value: Value) -> Value {
    let mut manifest = minimal();
    manifest["spec"][field] = value;
    manifest
}

pub(crate) fn yaml(manifest: &Value) -> String {
    serde_saphyr::to_string(manifest).unwrap()
}

pub(crate) fn accepted(manifest: &Value) -> SigningRun {
    parse(&yaml(manifest)).unwrap_or_else(|error| panic!("{manifest} is refused: {error}"))
}

/// The problems of a manifest, each as `path: message`.
pub(crate) fn refused(manifest: &Value) -> Vec<String> {
    match parse(&yaml(manifest)) {
        Err(ManifestError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{manifest} gives {other:?}"),
    }
}

/// The schema of the spec in the generated custom resource definition.
pub(crate) fn spec_schema() -> Value {
    let crd = serde_json::to_value(SigningRun::crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// Each field of the spec with its schema.
pub(crate) fn spec_fields() -> Vec<(String, Value)> {
    let fields = spec_schema()["properties"].as_object().unwrap().clone();
    assert!(fields.len() >= 10, "the schema has lost fields: {fields:?}");
    fields.into_iter().collect()
}
