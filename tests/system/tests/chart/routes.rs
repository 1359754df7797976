//! The ways to the gateway from outside the cluster: all that is in them.

use serde_json::{Value, json};

use crate::rendering::{Chart, NAMESPACE};

/// With a gateway, and no way to it.
fn with_gateway() -> Option<Chart> {
    Some(Chart::find()?.set("gateway.enabled=true").set("gateway.tls.existingSecret=gateway-tls"))
}

fn everything() -> Option<Chart> {
    Some(Chart::find()?.values("everything-values.yaml"))
}

/// Name, namespace and annotations of an object.
fn named(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!([metadata["name"], metadata["namespace"], metadata["annotations"]])
}

#[test]
fn there_is_none_unless_it_is_asked_for() -> anyhow::Result<()> {
    let Some(chart) = with_gateway() else { return Ok(()) };
    for kind in ["Ingress", "HTTPRoute", "BackendTLSPolicy"] {
        assert!(chart.of_kind(kind)?.is_empty(), "{kind}");
    }
    Ok(())
}

#[test]
fn an_ingress_leads_to_it() -> anyhow::Result<()> {
    let Some(chart) = everything() else { return Ok(()) };
    let ingress = chart.one("Ingress", "-gateway")?;
    let annotations =
        json!({"example.com/owner": "archive", "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"});
    assert_eq!(named(&ingress), json!(["seals-everything-gateway", NAMESPACE, annotations]));
    let path = |service: &str| {
        json!({
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"name": "https"}}},
        })
    };
    let wanted = json!({
        "ingressClassName": "nginx",
        "tls": [{"hosts": ["seals.example"], "secretName": "seals-example"}],
        "rules": [{"host": "seals.example", "http": {"paths": [path("seals-everything-gateway")]}}],
    });
    assert_eq!(ingress["spec"], wanted);
    let Some(chart) = with_gateway() else { return Ok(()) };
    let chart = chart.set("gateway.ingress.enabled=true").set("gateway.ingress.host=*.seals.example");
    let ingress = chart.one("Ingress", "-gateway")?;
    assert_eq!(named(&ingress), json!(["chancery-gateway", NAMESPACE, null]));
    let wanted =
        json!({"rules": [{"host": "*.seals.example", "http": {"paths": [path("chancery-gateway")]}}]});
    assert_eq!(ingress["spec"], wanted, "the class of the cluster, and its certificate");
    Ok(())
}

#[test]
fn a_route_leads_to_it_and_a_gateway_is_told_how_it_speaks_tls() -> anyhow::Result<()> {
    let Some(chart) = everything() else { return Ok(()) };
    let route = chart.one("HTTPRoute", "-gateway")?;
    let annotations = json!({"example.com/owner": "archive", "example.com/route": "yes"});
    assert_eq!(named(&route), json!(["seals-everything-gateway", NAMESPACE, annotations]));
    let rules = |service: &str, port: u16| {
        json!([{
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": [{"name": service, "port": port}],
        }])
    };
    let wanted = json!({
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["seals.example"],
        "rules": rules("seals-everything-gateway", 8443),
    });
    assert_eq!(route["spec"], wanted);
    let policy = chart.one("BackendTLSPolicy", "-gateway")?;
    let annotations = json!({"example.com/owner": "archive", "example.com/tls": "yes"});
    assert_eq!(named(&policy), json!(["seals-everything-gateway", NAMESPACE, annotations]));
    let target =
        |service: &str| json!([{"group": "", "kind": "Service", "name": service, "sectionName": "https"}]);
    let authority = json!([{"group": "", "kind": "ConfigMap", "name": "gateway-ca"}]);
    let wanted = json!({
        "targetRefs": target("seals-everything-gateway"),
        "validation": {"hostname": "seals.internal", "caCertificateRefs": authority},
    });
    assert_eq!(policy["spec"], wanted);
    // The port that it names is one of the Service.
    let service = chart.one("Service", "-gateway")?;
    assert_eq!(
        (&service["metadata"]["name"], &service["spec"]["ports"][0]["name"]),
        (&json!("seals-everything-gateway"), &json!("https"))
    );

    let Some(chart) = with_gateway() else { return Ok(()) };
    let chart = chart
        .set("gateway.httpRoute.enabled=true")
        .set("gateway.httpRoute.parentRefs[0].name=public")
        .set("gateway.httpRoute.backendTLS.wellKnownCAs=true");
    let route = chart.one("HTTPRoute", "-gateway")?;
    let wanted = json!({"parentRefs": [{"name": "public"}], "rules": rules("chancery-gateway", 443)});
    assert_eq!(route["spec"], wanted);
    let policy = chart.one("BackendTLSPolicy", "-gateway")?;
    let wanted = json!({
        "targetRefs": target("chancery-gateway"),
        "validation": {"hostname": "chancery-gateway.sealing.svc", "wellKnownCACertificates": "System"},
    });
    assert_eq!(policy["spec"], wanted);
    // With one of somebody's own.
    let Some(chart) = with_gateway() else { return Ok(()) };
    let chart = chart
        .set("gateway.httpRoute.enabled=true")
        .set("gateway.httpRoute.parentRefs[0].name=public")
        .set("gateway.httpRoute.backendTLS.enabled=false");
    chart.one("HTTPRoute", "-gateway")?;
    assert!(chart.of_kind("BackendTLSPolicy")?.is_empty());
    Ok(())
}
