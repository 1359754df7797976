//! What the chart lets the operator, and people, do in a cluster.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::rendering::{Chart, NAMESPACE, every_value_set, name};

/// All that the operator may do in the namespaces that it watches. A right that is added has to be added
/// here, with thought.
fn operators_rules() -> Value {
    json!([
        {"apiGroups": ["chancery.dev"], "resources": ["signingruns"],
         "verbs": ["get", "list", "watch", "patch", "delete"]},
        {"apiGroups": ["chancery.dev"], "resources": ["signingruns/status"], "verbs": ["patch"]},
        {"apiGroups": ["chancery.dev"], "resources": ["signingruns/finalizers"], "verbs": ["update"]},
        {"apiGroups": ["batch"], "resources": ["jobs"],
         "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ])
}

/// And in its own namespace: to lead.
fn leaders_rules() -> Value {
    json!([
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
         "resourceNames": ["chancery-operator"], "verbs": ["get", "update"]},
    ])
}

#[test]
fn the_operator_may_do_what_it_needs_and_no_more() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    assert_eq!(chart.one("ClusterRole", "-operator")?["rules"], operators_rules());
    assert_eq!(chart.one("Role", "-lead")?["rules"], leaders_rules());
    let account = json!([{"kind": "ServiceAccount", "name": "chancery-operator", "namespace": NAMESPACE}]);
    assert_eq!(chart.one("ClusterRoleBinding", "-operator")?["subjects"], account);
    assert_eq!(chart.one("RoleBinding", "-lead")?["subjects"], account);
    Ok(())
}

#[test]
fn in_namespaced_mode_the_operator_has_rights_in_the_watched_namespaces_only() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("namespaced-values.yaml");
    for kind in ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"] {
        assert!(chart.of_kind(kind)?.is_empty(), "{kind}");
    }
    let mut roles = chart.of_kind("Role")?;
    roles.retain(|role| name(role) == "chancery-operator");
    let namespaces: BTreeSet<_> =
        roles.iter().filter_map(|role| role["metadata"]["namespace"].as_str()).collect();
    assert_eq!(namespaces, BTreeSet::from(["team-a", "team-b"]));
    for role in roles {
        assert_eq!(role["rules"], operators_rules());
    }
    let deployment = chart.one("Deployment", "-operator")?;
    let environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let watched = json!({"name": "CHANCERY_WATCH_NAMESPACES", "value": "team-a,team-b"});
    assert!(environment.as_array().is_some_and(|variables| variables.contains(&watched)));
    Ok(())
}

#[test]
fn no_role_has_a_wildcard_or_reads_secrets() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        for object in chart.objects()?.iter().filter(|object| object["rules"].is_array()) {
            let rules = object["rules"].to_string();
            for word in ["*", "secrets", "escalate", "impersonate", "\"bind\""] {
                assert!(!rules.contains(word), "{set}: {}: {word}", name(object));
            }
        }
    }
    Ok(())
}

#[test]
fn those_who_view_a_namespace_view_its_runs_and_those_who_edit_it_edit_them() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let view = chart.one("ClusterRole", "-view")?;
    assert_eq!(view["rules"][0]["verbs"], json!(["get", "list", "watch"]));
    assert_eq!(view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"], "true");
    let edit = chart.one("ClusterRole", "-edit")?;
    assert!(edit["rules"][0]["verbs"].to_string().contains("create"));
    // The status is the operator's.
    assert_eq!(edit["rules"][1]["verbs"], json!(["get"]));
    assert!(chart.set("rbac.aggregate=false").of_kind("ClusterRole")?.len() == 1);
    Ok(())
}
