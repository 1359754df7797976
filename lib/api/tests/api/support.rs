//! Manifests for the tests, and the generated schema that they are walked by.

use std::sync::LazyLock;

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

/// The same with a source, in the place of generated records.
pub(crate) fn sourced() -> Value {
    let mut manifest = minimal();
    let objects = json!({"url": "file:///payments"});
    manifest["spec"] = json!({
        "sources": [{"name": "files", "objects": objects, "format": {"type": "Lines"}}],
        "keyCount": 10,
        "batchSize": 10,
    });
    manifest
}

/// The same with a source to which programs push.
pub(crate) fn pushed() -> Value {
    let mut manifest = sourced();
    manifest["spec"]["sources"] = json!([{"name": "push", "http": {}}]);
    manifest
}

/// What a field of the spec is tried with: [`minimal`], [`sourced`] or [`pushed`] for those that say something of sources,
/// and what else a field goes with.
pub(crate) fn base_of(field: &str) -> Value {
    match field {
        "sources" | "idempotency" | "deadLetter" | "policyRef" => sourced(),
        "batching" => pushed(),
        "envelope" => with("algorithm", json!("ES256K")),
        "contentType" => with("envelope", json!("JWS")),
        _ => minimal(),
    }
}

/// The [`base_of`] a field with that field of the spec set.
pub(crate) fn with(field: &str, value: Value) -> Value {
    let mut manifest = base_of(field);
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
    // Generating it takes long, and properties ask for it in each of their cases.
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let crd = serde_json::to_value(SigningRun::crd()).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    });
    SCHEMA.clone()
}

/// Each field of the spec with its schema.
pub(crate) fn spec_fields() -> Vec<(String, Value)> {
    let fields = spec_schema()["properties"].as_object().unwrap().clone();
    assert!(fields.len() >= 10, "the schema has lost fields: {fields:?}");
    fields.into_iter().collect()
}
