//! Policies on a real API server, with an operator that has the rights of the chart: whether they are ready, what judges a run, and
//! the Events of alerts.

use anyhow::Context as _;
use chancery_kit::cluster::{
    Cluster, ClusterRun, Namespace, OperatorProcess, Release, StandIn, condition, give_url,
};
use chancery_kit::{Chancery, TestLedger, eventually, push_judged};
use serde_json::{Value, json};

/// A policy with this spec.
fn policy(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "chancery.dev/v1alpha1", "kind": "SigningPolicy", "metadata": {"name": name}, "spec": spec,
    })
}

fn rule(name: &str, expression: &str) -> Value {
    json!({"name": name, "expression": expression, "message": "no"})
}

async fn apply(namespace: &Namespace<'_>, object: &Value) -> anyhow::Result<()> {
    namespace.kubectl().apply(&object.to_string()).await?;
    Ok(())
}

/// The policy, once the operator has looked at its spec and says so much of it.
async fn until_ready_is(namespace: &Namespace<'_>, name: &str, status: &str) -> anyhow::Result<Value> {
    let mut found = Value::Null;
    eventually(&format!("policy {name}: Ready is {status}"), async || {
        let policy = namespace.kubectl().get("signingpolicy", name).await;
        found = policy.ok().flatten().unwrap_or_default();
        found["status"]["observedGeneration"] == found["metadata"]["generation"]
            && condition(&found, "Ready").is_some_and(|ready| ready["status"] == status)
    })
    .await;
    Ok(found)
}

fn message(policy: &Value) -> String {
    let ready = condition(policy, "Ready").cloned().unwrap_or_default();
    ready["message"].as_str().unwrap_or_default().to_owned()
}

/// What the command says of the same: its version, or what is wrong.
async fn checked(policy: &Value, config_map: Option<&Value>) -> anyhow::Result<Result<String, Vec<String>>> {
    let chancery = Chancery::on("postgres://nobody@127.0.0.1:1/nothing")?;
    let documents: Vec<String> =
        [Some(policy), config_map].into_iter().flatten().map(Value::to_string).collect();
    let file = chancery.write("policy.yaml", &documents.join("\n---\n"))?.display().to_string();
    let said = chancery.run(&["policy", "check", &file, "--output", "json"]).await?.json()?;
    if said["good"] == true {
        return Ok(Ok(said["version"].as_str().context("a version")?.to_owned()));
    }
    let faults = said["faults"].as_array().context("faults")?;
    Ok(Err(faults.iter().filter_map(|fault| fault["message"].as_str()).map(str::to_owned).collect()))
}

#[tokio::test]
async fn the_status_of_a_policy_says_what_the_command_says_of_it() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("ready").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let reading = json!({
        "lookups": [{"name": "rates", "configMapRef": {"name": "fx"}}],
        "validations": [rule("rate", "lookup('rates', record.currency) > 1.0")],
    });
    // What the schema takes, and nothing can be judged by.
    let deep = format!("{}1{} > 0", "(".repeat(200), ")".repeat(200));
    for (name, spec) in [
        ("name", json!({"validations": [rule("a", "row.amount > 0")]})),
        ("syntax", json!({"validations": [rule("a", "record.amount >")]})),
        ("function", json!({"scores": [{"name": "a", "expression": "luhm(record.card)", "points": 1}]})),
        ("lookup", json!({"validations": [rule("a", "lookup('rates', record.currency) > 1.0")]})),
        ("costly", json!({"validations": [rule("a", "record.l.all(a, record.l.all(b, a != b))")]})),
        ("deep", json!({"validations": [rule("a", &deep)]})),
        ("pattern", json!({"validations": [rule("a", "record.s.matches('(')")]})),
        ("schema", json!({"schema": {"type": "no such type"}})),
        ("two", json!({"validations": [rule("a", "row.a"), rule("b", "row.b")]})),
        ("waits", reading.clone()),
    ] {
        let policy = policy(name, &spec);
        apply(&namespace, &policy).await?;
        let found = until_ready_is(&namespace, name, "False").await?;
        let faults = checked(&policy, None).await?.expect_err("something is wrong with it");
        assert_eq!(message(&found), faults.join("; "), "{name}");
        assert_eq!(found["status"]["version"], Value::Null, "{name}");
    }

    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fx"}, "data": {"EUR": "1.25"},
    });
    apply(&namespace, &config_map).await?;
    let found = until_ready_is(&namespace, "waits", "True").await?;
    assert_eq!(message(&found), "the policy is good");
    let version = checked(&policy("waits", &reading), Some(&config_map)).await?.expect("it is good");
    assert_eq!(found["status"]["version"], version);
    let table = namespace.kubectl().run(&["get", "signingpolicies"]).await?;
    let columns: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "READY", "VERSION", "AGE"]);
    let line = table.lines().find(|line| line.starts_with("waits ")).unwrap_or_default();
    assert!(line.contains("True") && line.contains(&version), "{table}");
    let line = table.lines().find(|line| line.starts_with("name ")).unwrap_or_default();
    assert!(line.contains("False"), "{table}");
    assert!(!operator.log().to_lowercase().contains("forbidden"), "it has the rights that it needs");
    Ok(())
}

/// A release that lets runs have the source `http`, without a gateway that runs.
async fn install<'n>(namespace: &'n Namespace<'n>, ledger: &TestLedger) -> anyhow::Result<Release<'n>> {
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": give_url(namespace, &ledger.url).await?,
        "operator": {"replicas": 1},
        "gateway": {"enabled": true, "tls": {"existingSecret": "gateway-tls"}},
    });
    Release::install_with(namespace, &values).await
}

fn judged<'n>(namespace: &'n Namespace<'n>, name: &str) -> ClusterRun<'n> {
    ClusterRun::new(namespace, name).with_spec(json!({
        "sources": [{"name": "push", "http": {}}], "policyRef": {"name": "payments"}, "keyCount": 2, "batchSize": 5,
        "algorithm": "EdDSA", "parallelism": 1,
    }))
}

/// Pushes records to a run as a gateway does.
async fn push(ledger: &TestLedger, run: &ClusterRun<'_>, records: &[Value]) -> anyhow::Result<()> {
    let stored = ledger.ledger.find_run(&run.namespace.name, &run.name).await?;
    push_judged(&ledger.ledger, &stored, records).await
}

/// The version that the run shows.
async fn version_of(run: &ClusterRun<'_>) -> String {
    let shown = run.until("it shows its policy", |run| run["status"]["policy"]["version"].is_string()).await;
    shown["status"]["policy"]["version"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_run_is_judged_by_the_version_that_it_was_made_with_whatever_becomes_of_the_policy()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("pinned").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = judged(&namespace, "first");
    run.apply().await?;
    let failed = run.until_condition("Failed", "True").await;
    assert_eq!(failed["reason"], "PolicyNotReady", "{failed}");
    let said = failed["message"].as_str().unwrap_or_default();
    assert!(said.ends_with("apply it, or name another in a new run"), "{said}");
    assert!(!run.is_in(&ledger).await?, "nothing is made for it");

    apply(&namespace, &policy("payments", &json!({"validations": [rule("least", "record.amount > 1")]})))
        .await?;
    let version = version_of(&run).await;
    let found = until_ready_is(&namespace, "payments", "True").await?;
    assert_eq!(found["status"]["version"], version);
    let described = namespace.kubectl().run(&["describe", "signingrun", "first"]).await?;
    let words: Vec<&str> = described.split_whitespace().collect();
    assert!(words.windows(2).any(|pair| pair == ["Version:", version.as_str()]), "{described}");
    assert!(words.windows(2).any(|pair| pair == ["Name:", "payments"]), "{described}");

    apply(&namespace, &policy("payments", &json!({"validations": [rule("least", "record.amount > 2")]})))
        .await?;
    let changed = until_ready_is(&namespace, "payments", "True").await?;
    assert_ne!(changed["status"]["version"], version);
    let next = judged(&namespace, "next");
    next.apply().await?;
    assert_eq!(changed["status"]["version"], version_of(&next).await);
    namespace.kubectl().run(&["delete", "signingpolicy", "payments"]).await?;
    // Another operator knows nothing but the ledger.
    operator.kill().await?;
    let operator = OperatorProcess::start(&release).await?;
    for (run, rejected) in [(&run, 1), (&next, 2)] {
        push(&ledger, run, &[json!({"amount": 1}), json!({"amount": 2}), json!({"amount": 3})]).await?;
        let stored = ledger.ledger.find_run(&namespace.name, &run.name).await?;
        ledger.ledger.seal_pushes(&stored).await?;
        run.completes(&ledger).await?;
        let complete = run.get().await?;
        assert_eq!(complete["status"]["records"]["rejected"], rejected, "{complete}");
    }
    assert_eq!(version_of(&run).await, version);
    assert!(!operator.log().to_lowercase().contains("forbidden"), "{}", operator.log());
    Ok(())
}

/// Of the Events about alerts: the rule, and the count.
async fn alerts(namespace: &Namespace<'_>) -> anyhow::Result<Vec<(String, u64)>> {
    let events = namespace.kubectl().run(&["get", "events.events.k8s.io", "--output=json"]).await?;
    let events: Value = serde_json::from_str(&events)?;
    let events = events["items"].as_array().cloned().unwrap_or_default();
    let mut alerts: Vec<_> = events
        .iter()
        .filter(|event| event["reason"] == "PolicyAlert")
        .map(|event| {
            let rule =
                event["note"].as_str().unwrap_or_default().split_whitespace().nth(2).unwrap_or_default();
            (rule.to_owned(), event["series"]["count"].as_u64().unwrap_or(1))
        })
        .collect();
    alerts.sort();
    Ok(alerts)
}

#[tokio::test]
async fn alerts_are_an_event_per_rule_and_a_metric() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("alerts").await?;
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let alerting =
        |name: &str, expression: &str| json!({"name": name, "expression": expression, "action": "Alert"});
    let rules =
        [alerting("sanctions", "record.country != 'XX'"), alerting("round", "record.amount % 10 != 0")];
    apply(&namespace, &policy("payments", &json!({"validations": rules}))).await?;
    let run = judged(&namespace, "demo");
    run.apply().await?;
    version_of(&run).await;
    let record = |country: &str, amount: i64| json!({"country": country, "amount": amount});
    push(&ledger, &run, &[record("XX", 1), record("DE", 10), record("XX", 20), record("DE", 3)]).await?;
    let is = |told: &[(&str, u64)]| {
        told.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect::<Vec<_>>()
    };
    eventually("the alerts are told", async || {
        alerts(&namespace).await.is_ok_and(|told| told == is(&[("round", 2), ("sanctions", 2)]))
    })
    .await;
    push(&ledger, &run, &[record("XX", 5)]).await?;
    eventually("the next one is counted", async || {
        alerts(&namespace).await.is_ok_and(|told| told == is(&[("round", 2), ("sanctions", 3)]))
    })
    .await;
    run.until("the status counts them", |run| run["status"]["policy"]["alerts"] == 5).await;
    let series = |rule: &str| {
        let namespace = &namespace.name;
        format!(
            r#"chancery_policy_alerts_total{{policy_namespace="{namespace}",policy="payments",rule="{rule}"}}"#
        )
    };
    assert_eq!(operator.metric(&series("sanctions")).await?, Some(3.0));
    assert_eq!(operator.metric(&series("round")).await?, Some(2.0));
    Ok(())
}
