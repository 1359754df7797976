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
        {"apiGroups": ["chancery.dev"], "resources": ["signingpolicies"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["chancery.dev"], "resources": ["signingpolicies/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        // Each other verb would answer with what is in it.
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "list"]},
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

/// The namespaces in which the operator has its rights, all of which are the same.
fn operators_namespaces(chart: &Chart) -> anyhow::Result<BTreeSet<String>> {
    let mut roles = chart.of_kind("Role")?;
    roles.retain(|role| name(role) == "chancery-operator");
    let mut bindings = chart.of_kind("RoleBinding")?;
    bindings.retain(|binding| name(binding) == "chancery-operator");
    let namespaces = |objects: &[Value]| -> BTreeSet<String> {
        objects
            .iter()
            .filter_map(|object| Some(object["metadata"]["namespace"].as_str()?.to_owned()))
            .collect()
    };
    assert_eq!(namespaces(&roles), namespaces(&bindings));
    for role in &roles {
        assert_eq!(role["rules"], operators_rules());
    }
    for binding in &bindings {
        assert_eq!(binding["subjects"], account());
    }
    Ok(namespaces(&roles))
}

fn account() -> Value {
    json!([{"kind": "ServiceAccount", "name": "chancery-operator", "namespace": NAMESPACE}])
}

/// What the operator is told to look at.
fn watched(chart: &Chart) -> anyhow::Result<Option<String>> {
    let deployment = chart.one("Deployment", "-operator")?;
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let variables = variables.as_array().cloned().unwrap_or_default();
    let found = variables.iter().find(|variable| variable["name"] == "CHANCERY_WATCH_NAMESPACES");
    Ok(found.and_then(|variable| variable["value"].as_str()).map(str::to_owned))
}

#[test]
fn the_operator_has_its_rights_in_the_namespaces_of_runs_alone() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let only =
        |namespaces: &[&str]| namespaces.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(operators_namespaces(&chart)?, only(&[NAMESPACE]));
    assert_eq!(watched(&chart)?.as_deref(), Some(NAMESPACE));
    assert_eq!(chart.one("Role", "-lead")?["rules"], leaders_rules());
    assert_eq!(chart.one("RoleBinding", "-lead")?["subjects"], account());
    let chart = chart.set("runNamespaces={team-a,team-b}");
    assert_eq!(operators_namespaces(&chart)?, only(&[NAMESPACE, "team-a", "team-b"]));
    assert_eq!(watched(&chart)?.as_deref(), Some("sealing,team-a,team-b"));
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(chart.of_kind(kind)?.iter().all(|object| !name(object).ends_with("-operator")), "{kind}");
    }
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.set("watchNamespaces={team-a}");
    assert_eq!(operators_namespaces(&chart)?, only(&["team-a"]));
    Ok(())
}

/// What it may change that no policy judges: what it says of others' objects, and an owner that waits for its Jobs.
const NOT_JUDGED: [&str; 4] =
    ["events", "signingpolicies/status", "signingruns/finalizers", "signingruns/status"];

#[test]
fn what_the_operator_may_change_is_judged_by_a_policy() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let words = |list: &Value| -> BTreeSet<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let mut judged: BTreeSet<String> = BTreeSet::new();
    for policy in chart.of_kind("ValidatingAdmissionPolicy")? {
        judged.extend(words(&policy["spec"]["matchConstraints"]["resourceRules"][0]["resources"]));
    }
    let changing = words(&json!(["create", "patch", "update"]));
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for rule in operators_rules().as_array().into_iter().flatten() {
        if !words(&rule["verbs"]).is_disjoint(&changing) {
            changed.extend(words(&rule["resources"]));
        }
    }
    changed.retain(|resource| !NOT_JUDGED.contains(&resource.as_str()));
    assert_eq!(changed, judged);
    Ok(())
}

#[test]
fn the_operator_has_its_rights_in_the_whole_cluster_if_that_is_said() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.set("watchAllNamespaces=true").set("runNamespaces={team-a}");
    assert_eq!(chart.one("ClusterRole", "-operator")?["rules"], operators_rules());
    assert_eq!(chart.one("ClusterRoleBinding", "-operator")?["subjects"], account());
    assert!(operators_namespaces(&chart)?.is_empty());
    assert_eq!(watched(&chart)?, None);
    Ok(())
}

/// A namespace that is named may be gone, be deleted at this moment, or be a slip.
#[test]
fn watched_namespaces_of_which_there_is_none_do_not_give_the_operator_the_whole_cluster() -> anyhow::Result<()>
{
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.set("watchNamespaces={team-a,team-b}");
    let left = chart.upgrade(&["team-b"])?.map_err(anyhow::Error::msg)?;
    let operators = |kind: &str| -> Vec<&Value> {
        let is_one = |object: &&Value| object["kind"] == kind && name(object) == "chancery-operator";
        left.iter().filter(is_one).collect()
    };
    assert_eq!(operators("Role").len(), 1);
    assert_eq!(operators("Role")[0]["metadata"]["namespace"], "team-b");
    assert!(operators("ClusterRole").is_empty());

    let refusal = chart.upgrade(&[])?.err().unwrap_or_default();
    assert!(refusal.contains("watchNamespaces names team-a, team-b, and there is none of them"), "{refusal}");
    Ok(())
}

#[test]
fn in_namespaced_mode_nothing_belongs_to_the_whole_cluster() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.values("namespaced-values.yaml");
    for object in chart.objects()? {
        assert!(object["metadata"]["namespace"].is_string(), "{} {}", object["kind"], name(&object));
    }
    assert_eq!(operators_namespaces(&chart)?, BTreeSet::from(["team-a".to_owned(), "team-b".to_owned()]));
    assert_eq!(watched(&chart)?.as_deref(), Some("team-a,team-b"));
    Ok(())
}

#[test]
fn no_role_has_a_wildcard_or_reads_secrets() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        for object in chart.objects()?.iter().filter(|object| object["rules"].is_array()) {
            let mut rules = object["rules"].as_array().cloned().unwrap_or_default();
            rules.retain(|rule| {
                *rule != json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]})
            });
            let rules = Value::from(rules).to_string();
            for word in ["*", "secrets", "escalate", "impersonate", "\"bind\""] {
                assert!(!rules.contains(word), "{set}: {}: {word}", name(object));
            }
        }
    }
    Ok(())
}

#[test]
fn two_releases_of_one_name_have_nothing_in_common_but_the_crds() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let mut of_the_cluster = chart.values("everything-values.yaml").objects()?;
    of_the_cluster.retain(|object| object["metadata"]["namespace"].is_null());
    of_the_cluster.retain(|object| object["kind"] != "CustomResourceDefinition");
    assert!(of_the_cluster.len() > 5, "{}", of_the_cluster.len());
    for object in of_the_cluster {
        assert!(name(&object).ends_with(".sealing"), "{} {}", object["kind"], name(&object));
    }
    Ok(())
}

#[test]
fn those_who_view_a_namespace_view_its_runs_and_those_who_edit_it_edit_them() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let view = chart.one("ClusterRole", "-view.sealing")?;
    assert_eq!(view["rules"][0]["verbs"], json!(["get", "list", "watch"]));
    assert_eq!(view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"], "true");
    let edit = chart.one("ClusterRole", "-edit.sealing")?;
    assert!(edit["rules"][0]["verbs"].to_string().contains("create"));
    // The status is the operator's.
    assert_eq!(edit["rules"][1]["verbs"], json!(["get"]));
    // Results show payloads: whoever may only view has no part in them.
    let may = |role: &Value, verb: &str, resource: &str| {
        let rules = role["rules"].as_array().cloned().unwrap_or_default();
        let is_of_it = |rule: &&Value| {
            rule["apiGroups"] == json!(["chancery.dev"]) && rule["resources"] == json!([resource])
        };
        let verbs = rules.iter().filter(is_of_it).filter_map(|rule| rule["verbs"].as_array());
        verbs.flatten().any(|given| given == verb)
    };
    for (verb, resource) in [
        ("create", "signingruns/records"),
        ("update", "signingruns/records"),
        ("delete", "signingruns/records"),
        ("get", "signingruns/results"),
    ] {
        assert!(may(&edit, verb, resource) && !may(&view, verb, resource), "{resource}");
    }
    assert!(may(&edit, "get", "keyrings/jwks") && may(&view, "get", "keyrings/jwks"));
    assert!(chart.set("rbac.aggregate=false").of_kind("ClusterRole")?.is_empty());
    Ok(())
}
