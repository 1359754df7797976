//! What is on and off unless told otherwise, and what the options do.

use serde_json::{Value, json};

use crate::rendering::{Chart, name};

const MONITORING: &str = "monitoring.coreos.com/v1";

/// From where metrics may be asked for.
const FROM: &str = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring";

#[test]
fn monitoring_is_off_unless_asked_for() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    // Even where the cluster knows it.
    for object in chart.api(MONITORING).objects()? {
        assert_ne!(object["apiVersion"], MONITORING, "{}", name(&object));
    }
    Ok(())
}

#[test]
fn monitoring_is_refused_on_a_cluster_that_does_not_know_it() -> anyhow::Result<()> {
    for (value, kind) in [
        ("serviceMonitor", "ServiceMonitor"),
        ("podMonitor", "PodMonitor"),
        ("prometheusRule", "PrometheusRule"),
    ] {
        let asked = format!("metrics.{value}.enabled=true");
        let Some(chart) = Chart::find() else { return Ok(()) };
        let refusal = chart.set(&asked).refusal()?;
        assert!(refusal.contains("install the Prometheus Operator"), "{refusal}");
        assert!(refusal.contains(&format!("metrics.{value}.enabled")), "{refusal}");
        let Some(chart) = Chart::find() else { return Ok(()) };
        assert_eq!(chart.set(&asked).set(FROM).api(MONITORING).of_kind(kind)?.len(), 1);
        let Some(chart) = Chart::find() else { return Ok(()) };
        assert_eq!(chart.set(&asked).set(FROM).set("metrics.force=true").of_kind(kind)?.len(), 1);
    }
    Ok(())
}

/// What may reach the pods of a policy.
fn ingress(policy: &Value) -> &Vec<Value> {
    policy["spec"]["ingress"].as_array().expect("rules")
}

#[test]
fn nobody_may_ask_for_metrics_but_those_that_are_named() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    for policy in ["-operator", "-signer"] {
        let policy = chart.one("NetworkPolicy", policy)?;
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        assert!(ingress(&policy).is_empty(), "{policy}");
    }
    // Prometheus would find nobody, and nobody would say so.
    for value in ["serviceMonitor", "podMonitor"] {
        let Some(chart) = Chart::find() else { return Ok(()) };
        let refusal = chart.set(&format!("metrics.{value}.enabled=true")).api(MONITORING).refusal()?;
        assert!(refusal.contains("networkPolicy.metricsFrom"), "{refusal}");
    }
    let chart = chart.set(FROM);
    for (policy, port) in [("-operator", "http"), ("-signer", "metrics")] {
        let policy = chart.one("NetworkPolicy", policy)?;
        let from = json!([{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}]);
        let rule = json!({"ports": [{"port": port, "protocol": "TCP"}], "from": from});
        assert_eq!(ingress(&policy), &vec![rule]);
    }
    Ok(())
}

#[test]
fn probes_have_a_port_of_their_own_which_no_service_and_no_policy_opens() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("everything-values.yaml");
    let operator = chart.one("Deployment", "-operator")?;
    let container = &operator["spec"]["template"]["spec"]["containers"][0];
    // The first to be asked waits for the answer, so that an install reports no probe that has failed.
    for (probe, path) in
        [("startupProbe", "/startupz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "probes"}), "{probe}");
    }
    let patience = container["startupProbe"]["timeoutSeconds"].as_u64();
    assert!(patience > Some(8), "an operator answers /startupz after 8 s: {patience:?}");
    let ports = container["ports"].as_array().expect("ports");
    assert!(ports.contains(&json!({"name": "probes", "containerPort": 9001, "protocol": "TCP"})));
    let variables = container["env"].as_array().expect("variables");
    assert!(variables.contains(&json!({"name": "CHANCERY_LISTEN_FOR_PROBES", "value": "0.0.0.0:9001"})));
    for object in [chart.of_kind("Service")?, chart.of_kind("NetworkPolicy")?].concat() {
        assert!(!object["spec"]["ports"].to_string().contains("probes"), "{}", name(&object));
        assert!(!object["spec"]["ingress"].to_string().contains("probes"), "{}", name(&object));
    }
    let refusal = chart.set("probes.port=9000").refusal()?;
    assert!(refusal.contains("probes.port and metrics.port are the same"), "{refusal}");
    Ok(())
}

#[test]
fn two_operators_are_spread_and_not_disrupted_together() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let operator = chart.one("Deployment", "-operator")?;
    assert_eq!(operator["spec"]["replicas"], 2);
    let pod = &operator["spec"]["template"];
    let constraints = pod["spec"]["topologySpreadConstraints"].as_array().expect("constraints");
    assert_eq!(constraints[0]["topologyKey"], "kubernetes.io/hostname");
    let selector = &operator["spec"]["selector"];
    assert_eq!(&constraints[0]["labelSelector"], selector);
    let budget = chart.one("PodDisruptionBudget", "-operator")?;
    assert_eq!(&budget["spec"]["selector"], selector);
    let policy = chart.one("NetworkPolicy", "-operator")?;
    assert_eq!(&policy["spec"]["podSelector"], selector);
    // One pod of its own could never be drained.
    assert!(chart.set("operator.replicas=1").of_kind("PodDisruptionBudget")?.is_empty());
    Ok(())
}

#[test]
fn the_try_out_postgresql_gives_way_to_a_database_of_ones_own() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    chart.one("StatefulSet", "-postgresql")?;
    let chart = chart.values("production-values.yaml");
    assert!(chart.of_kind("StatefulSet")?.is_empty());
    Ok(())
}

#[test]
fn the_network_policies_let_through_the_ports_that_the_urls_name() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("everything-values.yaml");
    for policy in chart.of_kind("NetworkPolicy")? {
        let ports: Vec<&Value> = policy["spec"]["egress"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|rule| rule["ports"].as_array().into_iter().flatten())
            .map(|port| &port["port"])
            .collect();
        // The database of the URL, the collector, and what extraEgress adds.
        for port in [53, 6432, 4318, 3128] {
            assert!(ports.contains(&&json!(port)), "{}: {port} of {ports:?}", name(&policy));
        }
        let reaches_api_server = ports.contains(&&json!(6443));
        let asks_it = ["-operator", "-gateway"].iter().any(|ending| name(&policy).ends_with(ending));
        assert_eq!(reaches_api_server, asks_it, "{}", name(&policy));
    }
    assert!(chart.set("networkPolicy.enabled=false").of_kind("NetworkPolicy")?.is_empty());
    Ok(())
}

#[test]
fn the_operator_alone_has_the_auditors_url_and_only_where_there_is_one() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let variable = "CHANCERY_AUDIT_DATABASE_URL";
    let chart = chart.values("production-values.yaml");
    assert!(!json!(chart.objects()?).to_string().contains(variable));
    let chart = chart.set("database.auditorUrlKey=auditor-url").set("database.existingSecret=urls");
    let operator = chart.one("Deployment", "-operator")?;
    let container = &operator["spec"]["template"]["spec"]["containers"][0];
    let from = json!({"secretKeyRef": {"name": "urls", "key": "auditor-url"}});
    let variables = container["env"].as_array().expect("variables");
    assert!(variables.contains(&json!({"name": variable, "valueFrom": from})), "{variables:?}");
    assert_eq!(json!(chart.objects()?).to_string().matches(variable).count(), 1);
    Ok(())
}

#[test]
fn images_follow_registry_tag_and_digest() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let operator = chart.values("everything-values.yaml").one("Deployment", "-operator")?;
    let container = &operator["spec"]["template"]["spec"]["containers"][0];
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_eq!(container["image"], format!("registry.example:5000/chancery/operator@{digest}"));
    let variables = container["env"].as_array().expect("variables");
    let signers = json!({"name": "CHANCERY_SIGNER_IMAGE", "value": "registry.example:5000/archive/signer:1"});
    assert!(variables.contains(&signers));
    let intakes = json!({"name": "CHANCERY_INTAKE_IMAGE", "value": "registry.example:5000/archive/intake:1"});
    assert!(variables.contains(&intakes));
    let deliveries =
        json!({"name": "CHANCERY_DELIVERY_IMAGE", "value": "registry.example:5000/archive/delivery:1"});
    assert!(variables.contains(&deliveries));
    Ok(())
}

#[test]
fn what_is_common_is_on_every_object() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    for object in chart.values("everything-values.yaml").objects()? {
        let metadata = &object["metadata"];
        assert_eq!(metadata["labels"]["team"], "archive", "{}", name(&object));
        assert_eq!(metadata["annotations"]["example.com/owner"], "archive", "{}", name(&object));
    }
    Ok(())
}

#[test]
fn helm_test_signs_a_small_run_and_waits_for_it() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let run = chart.one("SigningRun", "-test")?;
    let pod = chart.one("Pod", "-test")?;
    for hook in [&run, &pod] {
        assert_eq!(hook["metadata"]["annotations"]["helm.sh/hook"], "test");
    }
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!(["wait", "--namespace=sealing", "--run=chancery-test", "--timeout=120s"])
    );
    Ok(())
}
