//! What a real API server takes and refuses of policies, and from whom.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, Namespace, Release, give_url};
use serde_json::{Value, json};

fn manifest(spec: &Value) -> String {
    named("payments", spec)
}

fn named(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningPolicy",
        "metadata": {"name": name},
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
    let with_thresholds = |thresholds: Value| {
        let mut spec = with("scores", json!([{"name": "s", "expression": "true", "points": 1}]));
        spec["thresholds"] = thresholds;
        spec
    };
    let changed = |field: &str, value: &str| {
        let mut spec = webhook("https://model.example/");
        spec["webhooks"][0][field] = json!(value);
        spec
    };
    let mut heard = Vec::new();
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
        (with_thresholds(json!({"flag": 6, "reject": 5})), "must not be above reject"),
        (with_thresholds(json!({})), "needs flag, reject or both"),
        (
            with(
                "enrichments",
                json!([{"field": "a", "expression": "1"}, {"field": "a", "expression": "2"}]),
            ),
            "must not have a field twice",
        ),
        (
            with("variables", json!([{"name": "a-b", "expression": "1"}])),
            "must have names of letters, digits and underscores",
        ),
        (with("retryStrategy", json!({"limit": 3})), "applies to a policy with webhooks, or with lookups"),
        (webhook("https://user@model.example/"), "must not hold a password"),
        (changed("timeout", "2m"), "must be at least 10ms and at most 1m"),
        (changed("name", "a"), "must not have the name of a validation or a score"),
        (retried(json!({"duration": "25h", "maxDuration": "25h"})), "must be at least 1ms and at most 24h"),
        (webhook("http://model.example/"), "must begin with https://"),
        (retried(json!({"maxDuration": "1s"})), "must not be below duration"),
        (retried(json!({"jitter": "2"})), "spec.retryStrategy.backoff.jitter"),
        (with("validation", json!([])), "unknown field \"spec.validation\""),
    ] {
        let said = refused(&namespace, &spec).await?;
        assert!(said.contains(words), "{spec}\nwanted: {words}\nsaid: {said}");
        heard.push(said);
    }
    for name in ["a.b".to_owned(), "a".repeat(64)] {
        let ended =
            namespace.kubectl().try_apply(&named(&name, &json!({"validations": [rule("a")]}))).await?;
        heard.push(ended.expect_code(1)?.stderr);
    }
    // So that no rule is forgotten here.
    let crd = namespace.kubectl().get("crd", "signingpolicies.chancery.dev").await?.unwrap_or_default();
    let mut messages = BTreeSet::new();
    collect(&crd["spec"], &mut messages);
    assert!(messages.len() > 15, "the rules are read: {messages:?}");
    messages.retain(|message| !heard.iter().any(|said| said.contains(message)));
    assert!(messages.is_empty(), "nothing was refused by these rules: {messages:#?}");
    Ok(())
}

/// The messages of all rules of a definition.
fn collect(schema: &Value, messages: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        messages.extend(rule["message"].as_str().map(str::to_owned));
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| collect(member, messages)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, messages)),
        _ => {}
    }
}

#[tokio::test]
async fn whoever_views_a_namespace_reads_its_policies_and_whoever_edits_it_writes_them() -> anyhow::Result<()>
{
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("who").await?;
    let elsewhere = cluster.namespace("who-elsewhere").await?;
    let ledger = TestLedger::new().await?;
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": true},
        "database": give_url(&namespace, &ledger.url).await?,
        "operator": {"replicas": 1},
    });
    let _release = Release::install_with(&namespace, &values).await?;
    let kubectl = namespace.kubectl();
    for role in ["view", "edit"] {
        // No controller aggregates roles here: what the chart gives to `view` and `edit` is bound by itself.
        let of_release = format!("--clusterrole=chancery-{role}.{}", namespace.name);
        let (role, user) = (of_release, format!("--user={role}s"));
        kubectl.run(&["create", "rolebinding", &user[7..], &role, &user]).await?;
    }
    let may = async |who: &str, verb: &str, what: &[&str], place: &str| {
        let who = format!("--as={who}");
        let asked = [&["auth", "can-i", verb][..], what, &[who.as_str()]].concat();
        anyhow::Ok(cluster.kubectl(place).try_run(&asked).await?.stdout.trim() == "yes")
    };
    let reads = ["get", "list", "watch"];
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    let policies = ["signingpolicies"];
    let status = ["signingpolicies", "--subresource=status"];
    for verb in reads.into_iter().chain(writes) {
        let is_read = reads.contains(&verb);
        assert_eq!(may("views", verb, &policies, &namespace.name).await?, is_read, "views: {verb}");
        assert!(may("edits", verb, &policies, &namespace.name).await?, "edits: {verb}");
        for who in ["views", "edits"] {
            assert!(!may(who, verb, &policies, &elsewhere.name).await?, "{who}: {verb} elsewhere");
            // The status is the operator's alone.
            assert_eq!(
                may(who, verb, &status, &namespace.name).await?,
                verb == "get",
                "{who}: {verb} status"
            );
        }
        let signer = format!("system:serviceaccount:{}:chancery-signer", namespace.name);
        assert!(!may(&signer, verb, &policies, &namespace.name).await?, "a signer: {verb}");
        let intake = format!("system:serviceaccount:{}:chancery-intake", namespace.name);
        assert!(!may(&intake, verb, &policies, &namespace.name).await?, "an intake: {verb}");
    }
    Ok(())
}
