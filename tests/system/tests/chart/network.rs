//! Where the NetworkPolicies let connections go.

use serde_json::{Value, json};

use crate::rendering::{Chart, name};

const OWN: &str = "database.existingSecret=ledger";

/// Where the pods of one NetworkPolicy may connect to at a port; null: anywhere.
fn to(chart: &Chart, policy: &str, port: &Value) -> anyhow::Result<Value> {
    let policy = chart.one("NetworkPolicy", policy)?;
    let rules = policy["spec"]["egress"].as_array().cloned().unwrap_or_default();
    let with_port = |rule: &&Value| {
        let ports = rule["ports"].as_array();
        ports.is_some_and(|ports| ports.iter().any(|entry| &entry["port"] == port))
    };
    let found: Vec<&Value> = rules.iter().filter(with_port).collect();
    anyhow::ensure!(found.len() == 1, "{} rules for port {port}", found.len());
    Ok(found[0]["to"].clone())
}

fn namespace(name: &str) -> Value {
    json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}})
}

#[test]
fn names_are_looked_up_at_the_clusters_dns_alone() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let mut dns = namespace("kube-system");
    dns["podSelector"] = json!({"matchLabels": {"k8s-app": "kube-dns"}});
    for policy in ["-operator", "-signer", "-intake", "-delivery"] {
        assert_eq!(to(&chart, policy, &json!(53))?, json!([dns]), "{policy}");
    }
    let chart = chart.set("networkPolicy.dnsTo[0].ipBlock.cidr=169.254.20.10/32");
    assert_eq!(to(&chart, "-signer", &json!(53))?, json!([{"ipBlock": {"cidr": "169.254.20.10/32"}}]));
    Ok(())
}

#[test]
fn the_try_out_database_is_reached_by_its_labels() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let database = chart.one("StatefulSet", "-postgresql")?;
    let mut pods = namespace("sealing");
    pods["podSelector"] = database["spec"]["selector"].clone();
    for policy in ["-operator", "-signer", "-intake", "-delivery"] {
        assert_eq!(to(&chart, policy, &json!("postgresql"))?, json!([pods]), "{policy}");
    }
    Ok(())
}

#[test]
fn a_destination_is_named_where_its_host_says_where_it_is() -> anyhow::Result<()> {
    for (host, wanted) in [
        ("192.0.2.7:6000", json!([{"ipBlock": {"cidr": "192.0.2.7/32"}}])),
        ("pooler.databases.svc:6000", json!([namespace("databases")])),
        ("pooler.databases.svc.cluster.local:6000", json!([namespace("databases")])),
        // Either could be anywhere.
        ("db.example:6000", Value::Null),
        ("db.example.com:6000", Value::Null),
        ("pooler.databases:6000", Value::Null),
        ("pooler:6000", Value::Null),
    ] {
        let Some(chart) = Chart::find() else { return Ok(()) };
        let database = format!("networkPolicy.databaseHosts={{{host}}}");
        let traces = format!("traces.otlpEndpoint=http://{}", host.replace("6000", "7000"));
        let chart = chart.set(&database).set(OWN).set(&traces);
        for policy in ["-operator", "-signer", "-intake", "-delivery"] {
            assert_eq!(to(&chart, policy, &json!(6000))?, wanted, "{host}");
            assert_eq!(to(&chart, policy, &json!(7000))?, wanted, "{host}");
        }
    }
    Ok(())
}

#[test]
fn operator_and_signers_reach_a_database_each_of_its_own() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let hosts = "networkPolicy.databaseHosts={db.ledger.svc:5432,pooler.pools.svc:6432}";
    let chart = chart.set(OWN).set(hosts);
    let both = json!([namespace("ledger"), namespace("pools")]);
    for port in [5432, 6432] {
        assert_eq!(to(&chart, "-signer", &json!(port))?, both);
    }
    // Where a Secret that the chart never sees leads to is not known.
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert_eq!(to(&chart.set(OWN), "-signer", &json!(5432))?, Value::Null);
    Ok(())
}

#[test]
fn what_is_named_in_the_values_goes_before_what_a_host_says() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart
        .set(OWN)
        .set("networkPolicy.databaseHosts={db.ledger.svc}")
        .set("networkPolicy.databaseTo[0].ipBlock.cidr=192.0.2.0/24")
        .set("networkPolicy.apiServerTo[0].ipBlock.cidr=198.51.100.1/32");
    assert_eq!(to(&chart, "-signer", &json!(5432))?, json!([{"ipBlock": {"cidr": "192.0.2.0/24"}}]));
    assert_eq!(to(&chart, "-operator", &json!(6443))?, json!([{"ipBlock": {"cidr": "198.51.100.1/32"}}]));
    for policy in chart.of_kind("NetworkPolicy")?.iter().filter(|policy| !name(policy).ends_with("-operator"))
    {
        assert!(!policy.to_string().contains("198.51.100.1"), "signers need no API server");
    }
    Ok(())
}

#[test]
fn intakes_and_deliveries_reach_what_is_outside_but_not_where_machines_keep_their_credentials_and_nobody_reaches_them()
-> anyhow::Result<()> {
    for (policy, to_value, ports) in [
        ("-intake", "networkPolicy.sourcesTo", "networkPolicy.sourcesPorts"),
        ("-delivery", "networkPolicy.sinksTo", "networkPolicy.sinksPorts"),
    ] {
        let Some(chart) = Chart::find() else { return Ok(()) };
        let peers = to(&chart, policy, &json!(443))?;
        let blocks: Vec<&Value> =
            peers.as_array().into_iter().flatten().map(|peer| &peer["ipBlock"]).collect();
        let except = |cidr: &str| {
            let block = blocks.iter().find(|block| block["cidr"] == cidr).copied().unwrap_or(&Value::Null);
            block["except"].as_array().cloned().unwrap_or_default()
        };
        assert!(except("0.0.0.0/0").contains(&json!("169.254.0.0/16")), "{peers}");
        assert!(except("::/0").contains(&json!("fe80::/10")), "{peers}");
        assert_eq!(chart.one("NetworkPolicy", policy)?["spec"]["ingress"], json!([]));
        for policy in ["-operator", "-signer"] {
            let policy = chart.one("NetworkPolicy", policy)?;
            assert!(!policy["spec"]["egress"].to_string().contains("0.0.0.0/0"), "{policy}");
        }
        let chart = chart
            .set(&format!("{to_value}[0].ipBlock.cidr=198.51.100.0/24"))
            .set(&format!("{ports}={{9000}}"));
        assert_eq!(to(&chart, policy, &json!(9000))?, json!([{"ipBlock": {"cidr": "198.51.100.0/24"}}]));
        assert!(to(&chart, policy, &json!(443)).is_err(), "no other port");
    }
    Ok(())
}
