//! Fields that are missing, unknown, of the wrong type, or left to their default.

use chancery_api::{RunInput, SigningRunSpec, parse, validate};
use serde_json::{Value, json};

use crate::support::{accepted, minimal, refused, sourced, spec_fields, spec_schema, with, yaml};

#[test]
fn every_field_refuses_every_wrong_type_and_says_what_is_wanted() {
    let samples = [
        (json!("many"), "string", "a string"),
        (json!("7"), "string", "a string"),
        (json!(7), "integer", "an integer"),
        (json!(1.5), "number", "a number with a fraction"),
        (json!(true), "boolean", "a boolean"),
        (json!([]), "array", "a list"),
        (json!({}), "object", "a mapping"),
    ];
    for (field, schema) in spec_fields() {
        let wanted = match schema["type"].as_str().unwrap() {
            _ if schema["enum"].is_array() => " or ",
            "integer" => "an integer from ",
            "boolean" => "true or false",
            "string" => "a string",
            "object" => "a mapping",
            "array" => "a list",
            other => panic!("spec.{field}: what is wanted of a value of type {other}?"),
        };
        for (sample, kind, article) in &samples {
            if schema["type"] == *kind {
                continue;
            }
            let problems = refused(&with(&field, sample.clone()));
            assert_eq!(problems.len(), 1, "{problems:?}");
            let start = format!("spec.{field}: {sample} is {article}, and ");
            assert!(problems[0].starts_with(&start), "{problems:?}");
            assert!(problems[0].contains(wanted), "{problems:?}");
        }
    }
}

#[test]
fn a_wrong_type_is_one_sentence() {
    assert_eq!(
        refused(&with("recordCount", json!("many"))),
        [r#"spec.recordCount: "many" is a string, and an integer from 1 to 1000000000 is wanted"#]
    );
    assert_eq!(
        refused(&with("leaseDuration", json!(30))),
        [r#"spec.leaseDuration: 30 is an integer, and a string such as "30s" is wanted"#]
    );
    assert_eq!(
        refused(&with("algorithm", json!(["RS256"]))),
        [
            r#"spec.algorithm: ["RS256"] is a list, and RS256, PS256, ES256, ES384, ES256K, EdDSA, ML-DSA-44, ML-DSA-65 or ML-DSA-87 is wanted"#
        ]
    );
}

#[test]
fn required_fields_are_missed_by_name() {
    for field in ["recordCount", "keyCount", "batchSize"] {
        let mut manifest = minimal();
        manifest["spec"].as_object_mut().unwrap().remove(field);
        let problems = refused(&manifest);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with(&format!("spec.{field}: missing; give an integer from 1 to ")),
            "{problems:?}"
        );
    }
    assert_eq!(spec_schema()["required"], json!(["batchSize"]));
}

#[test]
fn a_required_field_without_a_value_is_told_apart_from_a_missing_one() {
    assert_eq!(
        refused(&with("batchSize", Value::Null)),
        ["spec.batchSize: no value given; give an integer from 1 to 100000"]
    );
}

#[test]
fn an_optional_field_without_a_value_has_its_default() {
    for (field, schema) in spec_fields() {
        if spec_schema()["required"].as_array().unwrap().contains(&json!(field)) {
            continue;
        }
        let mut manifest = minimal();
        manifest["spec"][&field] = Value::Null;
        if field == "keyCount" {
            // Optional for a run that names a keyring.
            manifest["spec"]["keyringRef"] = json!({"name": "invoices"});
        }
        if field == "recordCount" {
            // Optional for a run that has sources.
            manifest["spec"]["sources"] = sourced()["spec"]["sources"].clone();
        }
        let run = accepted(&manifest);
        assert_eq!(serde_json::to_value(&run.spec).unwrap()[&field], schema["default"], "spec.{field}");
    }
}

#[test]
fn what_is_left_out_has_the_default_of_the_schema() {
    let spec = serde_json::to_value(accepted(&minimal()).spec).unwrap();
    for (field, schema) in spec_fields() {
        if !schema["default"].is_null() {
            assert_eq!(spec[&field], schema["default"], "spec.{field}");
        }
    }
    assert_eq!(accepted(&minimal()).spec, SigningRunSpec::new(100, 10, 10));
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let run = validate(&accepted(&minimal())).unwrap();
    assert_eq!((run.namespace.as_str(), run.name.as_str()), ("default", "demo"));
    assert!(matches!(run.input, RunInput::Generated { record_size: 256, .. }), "{run:?}");
    assert_eq!((run.parallelism, run.keyring.key_size_to_make()), (2, Some(2048)));
    assert_eq!((run.keyring.algorithm_to_make().name(), run.lease_duration.as_secs()), ("RS256", 30));
    assert_eq!((run.suspend, run.deletion_policy), (false, chancery_api::DeletionPolicy::Retain));
    assert_eq!(run.audit, chancery_api::AuditPolicy::AtCompletion);
}

#[test]
fn a_missing_spec_is_missed_with_what_it_must_hold() {
    let mut manifest = minimal();
    manifest.as_object_mut().unwrap().remove("spec");
    assert_eq!(refused(&manifest), ["spec: missing; give a mapping with at least batchSize"]);
}

#[test]
fn unknown_fields_are_named_at_every_level() {
    let mut manifest = minimal();
    manifest["data"] = json!(1);
    manifest["metadata"]["nmae"] = json!("x");
    manifest["spec"]["recordcount"] = json!(5);
    manifest["spec"]["replicas"] = json!(5);
    manifest["status"] = json!({"records": {"total": 1, "sgined": 1}});
    let problems = refused(&manifest);
    let starts = [
        "data: unknown field; a SigningRun may have: apiVersion, kind, metadata, spec, status",
        "metadata.nmae: unknown field; did you mean metadata.name? metadata may have: annotations, ",
        "spec.recordcount: unknown field; did you mean spec.recordCount? spec may have: activeDeadlineSeconds, ",
        "spec.replicas: unknown field; spec may have: activeDeadlineSeconds, ",
        "status.records.sgined: unknown field; did you mean status.records.signed? status.records may have: ",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
}

#[test]
fn labels_and_annotations_may_have_any_name() {
    let mut manifest = minimal();
    manifest["metadata"]["labels"] = json!({"kueue.x-k8s.io/queue-name": "signing"});
    manifest["metadata"]["annotations"] = json!({"example.com/note": "a note"});
    assert!(accepted(&manifest).metadata.labels.is_some());

    manifest["metadata"]["labels"] = json!({"example.com/note": 5});
    assert_eq!(
        refused(&manifest),
        [r#"metadata.labels["example.com/note"]: 5 is an integer, and a string is wanted"#]
    );
}

#[test]
fn an_object_as_the_cluster_shows_it_is_accepted() {
    let mut manifest = with("suspend", json!(true));
    manifest["metadata"] = json!({
        "name": "demo", "namespace": "signing", "uid": "3c1c", "generation": 3,
        "creationTimestamp": "2025-01-01T00:00:00Z", "deletionTimestamp": null,
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:suspend": {}}}}],
    });
    manifest["status"] = json!({
        "phase": "Signing", "observedGeneration": 3, "startTime": "2025-01-01T00:00:00Z",
        "conditions": [{
            "type": "Sealed", "status": "True", "reason": "Sealed", "message": "",
            "lastTransitionTime": "2025-01-01T00:00:00Z",
        }],
        "records": {"total": 100, "seeded": 100, "signed": 5},
    });
    let run = accepted(&manifest);
    assert_eq!(validate(&run).unwrap().namespace, "signing");
    assert_eq!(run.status.unwrap().records.unwrap().signed, 5);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_and_in_order() {
    let mut manifest = minimal();
    manifest["metadata"]["name"] = json!("Demo");
    manifest["spec"] = json!({
        "recordCount": 0, "keyCount": "ten", "batchsize": 10, "algorithm": "EdDSA",
        "keySize": 2048, "leaseDuration": "4s",
    });
    let problems = refused(&manifest);
    let paths: Vec<_> = problems.iter().map(|p| p.split(':').next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "metadata.name",
            "spec.batchSize",
            "spec.batchsize",
            "spec.keyCount",
            "spec.keySize",
            "spec.leaseDuration",
            "spec.recordCount",
        ]
    );
    let whole = parse(&yaml(&manifest)).unwrap_err().to_string();
    assert!(whole.starts_with("the manifest is not valid (7 problems):\n  metadata.name: "), "{whole}");
}
