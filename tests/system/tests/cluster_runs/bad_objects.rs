//! What a real API server refuses, and with which words.

use chancery_kit::cluster::schema_walk::fields;
use chancery_kit::cluster::{Cluster, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::PostParams;
use kube::core::Request;
use serde_json::{Value, json};

fn good_spec() -> Value {
    json!({"recordCount": 200, "keyCount": 4, "batchSize": 10})
}

fn manifest(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningRun",
        "metadata": {"name": name},
        "spec": spec,
    })
    .to_string()
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = good_spec();
    spec[field] = value;
    spec
}

async fn refused(namespace: &Namespace<'_>, name: &str, spec: &Value) -> anyhow::Result<String> {
    let ended = namespace.kubectl().try_apply(&manifest(name, spec)).await?;
    Ok(ended.expect_code(1)?.stderr)
}

#[tokio::test]
async fn each_bad_object_is_refused_with_a_sentence_that_helps() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("bad").await?;
    let immutable_in_itself =
        "applies to the RSA algorithms RS256 and PS256 only; leave it out, or choose one";
    let cases = [
        (
            json!({"keyCount": 1, "batchSize": 1}),
            "give an integer from 1 to 1000000000, or name what is read with sources",
        ),
        (with("recordCount", json!(0)), "spec.recordCount in body should be greater than or equal to 1"),
        (with("recordCount", json!(1_000_000_001)), "should be less than or equal to 1000000000"),
        (with("recordCount", json!("many")), "spec.recordCount in body must be of type integer: \"string\""),
        (
            with("recordSize", json!(1_048_577)),
            "spec.recordSize in body should be less than or equal to 1048576",
        ),
        (json!({"recordCount": 1, "batchSize": 1}), "or name a keyring that exists with keyringRef"),
        (with("keyCount", json!(10_001)), "spec.keyCount in body should be less than or equal to 10000"),
        (with("batchSize", json!(0)), "spec.batchSize in body should be greater than or equal to 1"),
        (with("parallelism", json!(-1)), "spec.parallelism in body should be greater than or equal to 0"),
        (
            with("algorithm", json!("rs256")),
            "supported values: \"RS256\", \"PS256\", \"ES256\", \"ES384\", \"ES256K\", \"EdDSA\", \"ML-DSA-44\", \"ML-DSA-65\", \"ML-DSA-87\"",
        ),
        (with("keySize", json!(1024)), "supported values: \"2048\", \"3072\", \"4096\""),
        (with("leaseDuration", json!("1s")), "must be at least 5s and at most 1h"),
        (with("leaseDuration", json!("soon")), "spec.leaseDuration in body should match"),
        (with("deletionPolicy", json!("Keep")), "supported values: \"Retain\", \"Delete\""),
        (with("suspend", json!("yes")), "spec.suspend in body must be of type boolean"),
        (with("backoffLimit", json!(-1)), "spec.backoffLimit in body should be greater than or equal to 0"),
        (with("activeDeadlineSeconds", json!(0)), "spec.activeDeadlineSeconds in body should be greater"),
        (
            with("ttlSecondsAfterFinished", json!(-1)),
            "spec.ttlSecondsAfterFinished in body should be greater",
        ),
        (with("signerTemplate", json!([])), "spec.signerTemplate in body must be of type object"),
        (with("recordcount", json!(7)), "unknown field \"spec.recordcount\""),
        (
            json!({"recordCount": 1, "keyCount": 1, "batchSize": 1, "algorithm": "EdDSA", "keySize": 2048}),
            immutable_in_itself,
        ),
    ];
    for (spec, words) in cases {
        let said = refused(&namespace, "bad", &spec).await?;
        assert!(said.contains(words), "{spec}\nwanted: {words}\nsaid: {said}");
    }
    let said = refused(&namespace, &"x".repeat(53), &good_spec()).await?;
    assert!(said.contains("metadata.name must have at most 52 characters"), "{said}");
    let said = refused(&namespace, "with.dot", &good_spec()).await?;
    assert!(said.contains("metadata.name must not contain a dot"), "{said}");
    Ok(())
}

#[tokio::test]
async fn what_a_run_is_can_not_change_once_it_exists() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("immutable").await?;
    let kubectl = namespace.kubectl();
    kubectl.apply(&manifest("fixed", &good_spec())).await?;
    let cases = [
        ("recordCount", json!(201)),
        ("recordSize", json!(64)),
        ("keyCount", json!(5)),
        ("batchSize", json!(11)),
        ("algorithm", json!("PS256")),
        ("keySize", json!(3072)),
    ];
    for (field, value) in cases {
        let said = refused(&namespace, "fixed", &with(field, value)).await?;
        assert!(said.contains(&format!("spec.{field}")), "{said}");
        assert!(said.contains("cannot change once the run exists; use another name"), "{said}");
    }
    let mut changed = good_spec();
    for (field, value) in [
        ("parallelism", json!(7)),
        ("suspend", json!(true)),
        ("leaseDuration", json!("1m")),
        ("deletionPolicy", json!("Delete")),
        ("backoffLimit", json!(0)),
        ("activeDeadlineSeconds", json!(60)),
        ("ttlSecondsAfterFinished", json!(0)),
        ("signerTemplate", json!({"labels": {"team": "a"}})),
    ] {
        changed[field] = value;
        kubectl.apply(&manifest("fixed", &changed)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_field_is_refused_or_taken_as_its_schema_says() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("walk").await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(namespace.client.clone());
    let definition = serde_json::to_value(definitions.get("signingruns.chancery.dev").await?)?;
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let runs = Request::new(format!("/apis/chancery.dev/v1alpha1/namespaces/{}/signingruns", namespace.name));
    // Nothing is stored.
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let mut tried = 0;
    for field in fields(schema) {
        for mutation in field.mutations(&good_spec()) {
            let mut request = runs.create(&dry, manifest("walked", &mutation.object).into_bytes())?;
            // As `kubectl` has it: an unknown field is refused, not dropped.
            *request.uri_mut() = format!("{}&fieldValidation=Strict", request.uri()).parse()?;
            tried += 1;
            match namespace.client.request::<Value>(request).await {
                Ok(_) => assert!(mutation.allowed, "spec.{field} {} was taken", mutation.what),
                Err(kube::Error::Api(refusal)) => {
                    let said = &refusal.message;
                    assert!(!mutation.allowed, "spec.{field} {}: {said}", mutation.what);
                    assert!(matches!(refusal.code, 400 | 422), "spec.{field} {}: {refusal:?}", mutation.what);
                    let names_it = said.contains(field.name()) || said.contains("noSuchField");
                    assert!(names_it, "spec.{field} {}: the refusal does not name it: {said}", mutation.what);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    assert!(tried > 500, "the schema has been walked: {tried}");
    Ok(())
}
