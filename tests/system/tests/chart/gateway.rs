//! The gateway: what it is given, what it may do, who reaches it, and that nothing of it is there without it.

use serde_json::{Value, json};

use crate::rendering::{Chart, NAMESPACE, name};

/// With a gateway, and nothing else said.
fn with_gateway() -> Option<Chart> {
    Some(Chart::find()?.set("gateway.enabled=true").set("gateway.tls.existingSecret=gateway-tls"))
}

fn variables(container: &Value) -> Vec<Value> {
    container["env"].as_array().cloned().unwrap_or_default()
}

#[test]
fn without_it_nothing_of_it_is_there_and_runs_that_are_pushed_to_are_refused() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let objects = chart.objects()?;
    let named: Vec<_> = objects.iter().map(name).filter(|name| name.contains("gateway")).collect();
    assert!(named.is_empty(), "{named:?}");
    assert!(!json!(objects).to_string().contains("CHANCERY_GATEWAY_URL"));
    Ok(())
}

#[test]
fn the_operator_knows_where_it_is() -> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    let operator = chart.one("Deployment", "-operator")?;
    let given = variables(&operator["spec"]["template"]["spec"]["containers"][0]);
    let url = |url: &str| json!({"name": "CHANCERY_GATEWAY_URL", "value": url});
    assert!(given.contains(&url("https://chancery-gateway.sealing.svc")), "{given:?}");
    let operator = chart.set("gateway.service.port=8443").one("Deployment", "-operator")?;
    let given = variables(&operator["spec"]["template"]["spec"]["containers"][0]);
    assert!(given.contains(&url("https://chancery-gateway.sealing.svc:8443")), "{given:?}");
    Ok(())
}

/// "I have the gateway's pod, and look for what it holds."
#[test]
fn it_is_given_its_own_login_and_its_certificate_and_no_key_of_the_release() -> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    let gateway = chart.one("Deployment", "-gateway")?;
    let pod = &gateway["spec"]["template"]["spec"];
    let given = variables(&pod["containers"][0]);
    let url = json!({
        "name": "DATABASE_URL",
        "valueFrom": {"secretKeyRef": {"name": "chancery-postgresql", "key": "gateway-url"}},
    });
    assert!(given.contains(&url), "{given:?}");
    let secrets: Vec<_> =
        pod["volumes"].as_array().into_iter().flatten().map(|volume| &volume["secret"]).collect();
    assert_eq!(secrets.len(), 1, "{secrets:?}");
    assert_eq!(secrets[0]["secretName"], "gateway-tls");
    // A Secret that changes reaches a folder, and no single file.
    assert!(
        pod["containers"][0]["volumeMounts"]
            .as_array()
            .into_iter()
            .flatten()
            .all(|mount| mount["subPath"].is_null())
    );
    for word in ["kek", "statement", "owner", "operator-url"] {
        assert!(!pod.to_string().contains(word), "{word}: {pod}");
    }
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart
        .values("production-values.yaml")
        .set("gateway.enabled=true")
        .set("gateway.tls.existingSecret=gateway-tls")
        .set("database.gatewayUrlKey=gateway");
    let gateway = chart.one("Deployment", "-gateway")?;
    let pod = &gateway["spec"]["template"]["spec"];
    let url =
        json!({"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "ledger", "key": "gateway"}}});
    assert!(variables(&pod["containers"][0]).contains(&url));
    let ca = json!({"name": "PGSSLROOTCERT", "value": "/etc/chancery/database-ca/ca.crt"});
    assert!(variables(&pod["containers"][0]).contains(&ca));
    let operator = chart.one("Deployment", "-operator")?;
    let migrate = variables(&operator["spec"]["template"]["spec"]["initContainers"][0]);
    let made = json!({
        "name": "CHANCERY_GATEWAY_DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "ledger", "key": "gateway"}},
    });
    assert!(migrate.contains(&made), "{migrate:?}");
    Ok(())
}

#[test]
fn it_may_ask_whose_tokens_are_and_what_they_may_do_and_nothing_else() -> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    let rules = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]);
    let role = chart.one("ClusterRole", "-gateway.sealing")?;
    assert_eq!(role["rules"], rules);
    let account = json!([{"kind": "ServiceAccount", "name": "chancery-gateway", "namespace": NAMESPACE}]);
    let mut bound = Vec::new();
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        bound.extend(chart.of_kind(kind)?.into_iter().filter(|binding| binding["subjects"] == account));
    }
    assert_eq!(bound.len(), 1, "{bound:?}");
    assert_eq!(bound[0]["roleRef"]["name"], role["metadata"]["name"]);
    // Where the release may have nothing of the whole cluster, an administrator is told the command.
    let chart = chart.set("rbac.namespaced=true");
    assert!(chart.of_kind("ClusterRole")?.is_empty());
    let notes = chart.notes()?;
    assert!(
        notes.contains("--clusterrole system:auth-delegator --serviceaccount sealing:chancery-gateway"),
        "{notes}"
    );
    Ok(())
}

#[test]
fn two_of_them_are_spread_and_not_disrupted_together() -> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    let gateway = chart.one("Deployment", "-gateway")?;
    assert_eq!(gateway["spec"]["replicas"], 2);
    let selector = &gateway["spec"]["selector"];
    let constraints = gateway["spec"]["template"]["spec"]["topologySpreadConstraints"].clone();
    assert_eq!(&constraints[0]["labelSelector"], selector);
    assert_eq!(&chart.one("PodDisruptionBudget", "-gateway")?["spec"]["selector"], selector);
    assert_eq!(&chart.one("NetworkPolicy", "-gateway")?["spec"]["podSelector"], selector);
    assert_eq!(chart.one("Service", "-gateway")?["spec"]["selector"], selector["matchLabels"]);
    let operator = chart.one("Deployment", "-operator")?;
    assert_ne!(&operator["spec"]["selector"], selector);
    let chart = chart.set("gateway.replicas=1");
    assert!(chart.one("PodDisruptionBudget", "-gateway").is_err(), "one pod could never be drained");
    Ok(())
}

#[test]
fn its_api_is_reached_from_anywhere_unless_it_is_said_and_its_metrics_from_where_it_is_said()
-> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    let ingress = |chart: &Chart| -> anyhow::Result<Value> {
        Ok(chart.one("NetworkPolicy", "-gateway")?["spec"]["ingress"].clone())
    };
    assert_eq!(ingress(&chart)?, json!([{"ports": [{"port": "https", "protocol": "TCP"}]}]));
    let ports = chart.one("Service", "-gateway")?["spec"]["ports"].clone();
    assert_eq!(ports.as_array().map(Vec::len), Some(1), "no metrics: {ports}");
    assert_eq!((&ports[0]["port"], &ports[0]["targetPort"]), (&json!(443), &json!("https")));
    let chart = chart
        .set("networkPolicy.gatewayFrom[0].ipBlock.cidr=192.0.2.0/24")
        .set("networkPolicy.metricsFrom[0].ipBlock.cidr=198.51.100.0/24");
    let rules = ingress(&chart)?;
    assert_eq!(rules[0]["from"], json!([{"ipBlock": {"cidr": "192.0.2.0/24"}}]));
    assert_eq!(rules[1]["ports"][0]["port"], "metrics");
    assert_eq!(rules[1]["from"], json!([{"ipBlock": {"cidr": "198.51.100.0/24"}}]));
    let database = chart.one("NetworkPolicy", "-postgresql")?["spec"]["ingress"][0]["from"].clone();
    let gateway = chart.one("Deployment", "-gateway")?["spec"]["selector"].clone();
    assert!(
        database.as_array().is_some_and(|from| from.contains(&json!({"podSelector": gateway}))),
        "{database}"
    );
    Ok(())
}

#[test]
fn it_is_monitored_if_that_is_asked_for() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("everything-values.yaml");
    let monitor = chart.one("PodMonitor", "-gateway")?;
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], "metrics");
    let rules = chart.of_kind("PrometheusRule")?[0].to_string();
    for alert in ["ChanceryGatewayCutOff", "ChanceryGatewayReviewsFail", "ChanceryGatewayCertificateUnusable"]
    {
        assert!(rules.contains(alert), "{alert}");
    }
    Ok(())
}
