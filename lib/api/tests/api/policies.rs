//! Manifests of policies: what is accepted and refused, and where that stands.

use chancery_api::{ManifestError, PolicyFile, SigningPolicy, check_policy, parse_policy};
use serde_json::{Value, json};

use crate::support::yaml;

fn manifest(spec: Value) -> Value {
    json!({
        "apiVersion": "chancery.dev/v1alpha1",
        "kind": "SigningPolicy",
        "metadata": {"name": "payments"},
        "spec": spec,
    })
}

fn rule(name: &str) -> Value {
    json!({"name": name, "expression": "true"})
}

fn minimal() -> Value {
    json!({"validations": [rule("a")]})
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = minimal();
    spec[field] = value;
    spec
}

fn accepted(spec: Value) -> SigningPolicy {
    parse_policy(&yaml(&manifest(spec.clone()))).unwrap_or_else(|error| panic!("{spec} is refused: {error}"))
}

fn refused(spec: Value) -> String {
    match parse_policy(&yaml(&manifest(spec.clone()))) {
        Err(ManifestError::Invalid(problems)) => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => panic!("{spec} gives {other:?}"),
    }
}

fn webhook(url: &str) -> Value {
    json!([{"name": "model", "url": url, "adds": "score"}])
}

#[test]
fn the_whole_of_a_policy_is_read() {
    let policy = accepted(json!({
        "schema": {"type": "object", "properties": {"a": {"const": null}}},
        "matchConditions": [rule("payments-only")],
        "unmatched": "Reject",
        "variables": [{"name": "usd", "expression": "double(record.amount)"}],
        "lookups": [
            {"name": "rates", "configMapRef": {"name": "fx"}},
            {"name": "markets", "query": {"urlSecretRef": {"name": "db", "key": "url"}, "sql": "SELECT 1"}},
        ],
        "validations": [
            {"name": "large", "expression": "true", "messageExpression": "'x'", "action": "Flag"},
            {"name": "sanctions", "expression": "true", "message": "no", "action": "Alert"},
        ],
        "scores": [{"name": "cross-border", "expression": "true", "points": 30}],
        "thresholds": {"flag": 50, "reject": 80},
        "enrichments": [{"field": "market", "expression": "1"}],
        "webhooks": [{
            "name": "model", "url": "https://model.example/score", "secretRef": {"name": "hook"}, "timeout": "2s", "batch": 100,
            "adds": "score", "failurePolicy": "Fail",
        }],
        "retryStrategy": {"limit": 3, "backoff": {"duration": "2s", "factor": 2, "maxDuration": "1m", "jitter": "0.2"}},
        "failurePolicy": "Fail",
    }));
    check_policy(&policy).unwrap();
    // A null within the schema is somebody else's.
    assert_eq!(policy.spec.schema.unwrap().0["properties"]["a"], json!({"const": null}));
    let policy = accepted(minimal());
    check_policy(&policy).unwrap();
    assert_eq!(policy.spec.retry_strategy, None);
}

#[test]
fn what_can_be_known_is_refused_with_its_path() {
    for (spec, said) in [
        (json!({}), "spec.validations: missing; judges nothing"),
        (json!({"validations": [rule("a"), rule("a")]}), "must not have a name twice"),
        (json!({"validations": [rule("A")]}), "spec.validations[0].name: \"A\" has the wrong form"),
        (json!({"validations": [rule("schema")]}), "must not be schema, thresholds or unmatched"),
        (json!({"validations": [{"name": "a", "expression": ""}]}), "spec.validations[0].expression"),
        (json!({"validations": [{"name": "a", "expression": "x".repeat(4_097)}]}), "at most 4096 characters"),
        (
            json!({"validations": [{"name": "a", "expression": "1", "acton": "Flag"}]}),
            "did you mean spec.validations[0].action?",
        ),
        (
            json!({"validations": [{"name": "a", "expression": "1", "action": "Drop"}]}),
            "give Reject, Flag or Alert",
        ),
        (
            with("scores", json!([{"name": "a", "expression": "1", "points": 1}])),
            "must not have the name of a validation",
        ),
        (with("variables", json!([rule("a-b")])), "must have names of letters, digits and underscores"),
        (with("variables", json!([rule("a"), rule("a")])), "spec.variables: "),
        (with("lookups", json!([{"name": "a"}])), "needs exactly one of configMapRef and query"),
        (with("thresholds", json!({"flag": 1})), "applies to points that add up"),
        (with("unmatched", json!("Reject")), "applies to a policy with matchConditions"),
        (
            with("retryStrategy", json!({})),
            "applies to a policy with webhooks, or with lookups that are queries",
        ),
        (with("webhooks", webhook("http://model.example/")), "must begin with https://"),
        (with("webhooks", webhook("http://127.0.0.1.example/")), "must begin with https://"),
        (with("webhooks", webhook("https://user:secret@model.example/")), "must not hold a password"),
        (
            with("webhooks", json!([{"name": "a", "url": "https://x/", "adds": "score"}])),
            "must not have the name of a validation or a score",
        ),
    ] {
        let problems = refused(spec.clone());
        assert!(problems.contains(said), "{spec}: {problems}");
    }
    for url in ["https://model.example/", "http://127.0.0.1:8080/", "http://localhost", "http://[::1]:80/x"] {
        accepted(with("webhooks", webhook(url)));
    }
}

#[test]
fn thresholds_and_times_are_in_order() {
    let scored = |thresholds: Value| {
        let mut spec = with("scores", json!([{"name": "s", "expression": "true", "points": 1}]));
        spec["thresholds"] = thresholds;
        spec
    };
    accepted(scored(json!({"flag": 5, "reject": 5})));
    accepted(scored(json!({"reject": -5})));
    assert!(
        refused(scored(json!({"flag": 6, "reject": 5})))
            .contains("spec.thresholds.flag: 6 must not be above reject")
    );
    assert!(refused(scored(json!({}))).contains("needs flag, reject or both"));
    let retried = |backoff: Value| {
        let mut spec = with("webhooks", webhook("https://model.example/"));
        spec["retryStrategy"] = json!({"backoff": backoff});
        spec
    };
    accepted(retried(json!({"duration": "1m"})));
    for (backoff, said) in [
        (json!({"duration": "61s"}), "must not be below duration"),
        (json!({"maxDuration": "1s"}), "must not be below duration"),
        (json!({"duration": "0s"}), "must be at least 1ms"),
        (json!({"maxDuration": "25h"}), "at most 24h"),
        (json!({"factor": 0}), "spec.retryStrategy.backoff.factor"),
        (json!({"jitter": "2"}), "spec.retryStrategy.backoff.jitter"),
    ] {
        let problems = refused(retried(backoff.clone()));
        assert!(problems.contains(said), "{backoff}: {problems}");
    }
}

#[test]
fn a_file_holds_one_policy_and_the_config_maps_that_it_reads() {
    let policy = yaml(&manifest(minimal()));
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fx}\ndata: {EUR: \"1.1\"}\n";
    let file = PolicyFile::read(&format!("{map}---\n{policy}---\n")).unwrap();
    assert_eq!(file.policy().unwrap().metadata.name.as_deref(), Some("payments"));
    assert_eq!(file.config_maps().unwrap()["fx"]["EUR"], "1.1");
    let rule = file.place("spec.validations[0].message").unwrap();
    assert!(rule.line > 6, "{rule:?}");
    for (text, said) in [
        (map.to_owned(), "the manifest is empty; it must hold one SigningPolicy"),
        (format!("{policy}---\n{policy}"), "holds 2 YAML documents"),
        (format!("{policy}---\napiVersion: v1\nkind: Secret\n"), "`kind: SigningPolicy` is wanted"),
        (policy.replace("payments", "pay.ments"), "metadata.name must not contain a dot"),
        (policy.replace("payments", &"p".repeat(64)), "metadata.name must have at most 63 characters"),
    ] {
        let error = match PolicyFile::read(&text).and_then(|file| file.policy()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{text} is accepted"),
        };
        assert!(error.contains(said.trim_start_matches("metadata.name ")), "{error}");
    }
    let number = map.replace("\"1.1\"", "1.1");
    let file = PolicyFile::read(&format!("{number}---\n{policy}")).unwrap();
    assert!(file.config_maps().unwrap_err().to_string().contains("put it in quotes"));
}
