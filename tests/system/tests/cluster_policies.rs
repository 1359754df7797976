//! What a real API server takes and refuses of policies.

use std::fs;
use std::path::Path;

use chancery_kit::cluster::{Cluster, Namespace};
use serde_json::{Value, json};

fn manifest(spec: &Value) -> String {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningPolicy",
        "metadata": {"name": "payments"},
        "spec": spec,
    })
    .to_string()
}

fn rule(name: &str) -> Value {
    json!({"name": name, "expression": "true"})
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = json!({"validations": [rule("a")]});
    spec[field] = value;
    spec
}

async fn refused(namespace: &Namespace<'_>, spec: &Value) -> anyhow::Result<String> {
    Ok(namespace.kubectl().try_apply(&manifest(spec)).await?.expect_code(1)?.stderr)
}

#[tokio::test]
async fn the_examples_are_taken() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("policies").await?;
    for name in ["transactions", "fraud", "compliance"] {
        let file = format!("../../examples/policies/{name}.yaml");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
        namespace.kubectl().try_apply(&text).await?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_can_be_known_is_refused() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("bad-policies").await?;
    let webhook = |url: &str| with("webhooks", json!([{"name": "model", "url": url, "adds": "score"}]));
    let retried = |backoff: Value| {
        let mut spec = webhook("https://model.example/");
        spec["retryStrategy"] = json!({"backoff": backoff});
        spec
    };
    let mut scored = with("scores", json!([{"name": "s", "expression": "true", "points": 1}]));
    scored["thresholds"] = json!({"flag": 6, "reject": 5});
    let all: Vec<Value> = (0..129).map(|number| rule(&format!("r{number}"))).collect();
    for (spec, words) in [
        (json!({"failurePolicy": "Fail"}), "judges nothing"),
        (json!({"validations": [rule("a"), rule("a")]}), "must not have a name twice"),
        (json!({"validations": all}), "must have at most 128 items"),
        (json!({"validations": [{"name": "a", "expression": "x".repeat(4_097)}]}), "Too long"),
        (json!({"validations": [rule("schema")]}), "must not be schema, thresholds or unmatched"),
        (
            with("scores", json!([{"name": "a", "expression": "1", "points": 1}])),
            "must not have the name of a validation",
        ),
        (with("lookups", json!([{"name": "a"}])), "needs exactly one of configMapRef and query"),
        (with("unmatched", json!("Reject")), "applies to a policy with matchConditions"),
        (with("thresholds", json!({"flag": 1})), "applies to points that add up"),
        (scored, "must not be above reject"),
        (webhook("http://model.example/"), "must begin with https://"),
        (retried(json!({"maxDuration": "1s"})), "must not be below duration"),
        (retried(json!({"jitter": "2"})), "spec.retryStrategy.backoff.jitter"),
        (with("validation", json!([])), "unknown field \"spec.validation\""),
    ] {
        let said = refused(&namespace, &spec).await?;
        assert!(said.contains(words), "{spec}\nwanted: {words}\nsaid: {said}");
    }
    Ok(())
}
