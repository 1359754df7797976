//! The admission policies: when they are made, and to what they are bound. What they say of a Job, a Secret or a change of a
//! run is tested with the operator that makes them.

use serde_json::json;

use crate::rendering::{Chart, every_value_set};

const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

#[test]
fn policies_for_the_operator_are_in_force_unless_they_cannot_be_or_are_declined() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        let wanted = if set == "namespaced-values.yaml" { 0 } else { 3 };
        assert_eq!(chart.of_kind(POLICY)?.len(), wanted, "{set}");
        assert_eq!(chart.of_kind(BINDING)?.len(), wanted, "{set}");
    }
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart.set("admissionPolicy.enabled=false");
    assert!(chart.of_kind(POLICY)?.is_empty() && chart.of_kind(BINDING)?.is_empty());
    Ok(())
}

#[test]
fn the_policy_is_bound_so_that_what_it_finds_is_denied_also_when_it_fails() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let all = json!(["CREATE", "UPDATE", "DELETE"]);
    for (name, group, resource, operations) in [
        ("-operator", "batch", "jobs", &all),
        ("-operator-secrets", "", "secrets", &all),
        // It has no right to make one. A deletion is judged by nothing: it is by `deletionPolicy`, which does not change.
        ("-operator-runs", "chancery.dev", "signingruns", &json!(["UPDATE"])),
    ] {
        // Two releases of one name, in two namespaces, do not replace each other's.
        let name = format!("{name}.sealing");
        let policy = chart.one(POLICY, &name)?;
        let binding = chart.one(BINDING, &name)?;
        assert_eq!(
            binding["spec"],
            json!({
                "policyName": policy["metadata"]["name"], "validationActions": ["Deny"],
            })
        );
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
        // Everywhere, whichever namespaces the operator has its rights in.
        assert_eq!(
            policy["spec"]["matchConstraints"],
            json!({"resourceRules": [{
                "apiGroups": [group], "apiVersions": ["*"], "resources": [resource],
                "operations": operations,
            }]})
        );
    }
    Ok(())
}

#[test]
fn a_cluster_that_knows_no_success_policy_of_jobs_is_refused() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let refusal = chart.kubernetes("1.30.9").refusal()?;
    assert!(refusal.contains("kubeVersion: >=1.31.0-0"), "{refusal}");
    Ok(())
}

#[test]
fn the_operator_and_the_policy_are_given_the_same_lists() -> anyhow::Result<()> {
    let Some(chart) = Chart::find() else { return Ok(()) };
    let chart = chart
        .set("signer.allowed.labelPrefixes={example.com/}")
        .set("signer.allowed.tolerations[0].key=dedicated");
    let operator = chart.one("Deployment", "-operator")?;
    let variables = operator["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let given = variables
        .as_array()
        .and_then(|variables| variables.iter().find(|variable| variable["name"] == "CHANCERY_SIGNER_ALLOWED"))
        .and_then(|variable| variable["value"].as_str())
        .map(serde_json::from_str::<serde_json::Value>);
    let given = given.ok_or_else(|| anyhow::anyhow!("not given: {variables}"))??;
    assert_eq!(
        (&given["labelPrefixes"], &given["tolerations"]),
        (&json!(["example.com/"]), &json!([{"key": "dedicated"}]))
    );
    let policy = chart.one(POLICY, "-operator.sealing")?["spec"]["variables"].clone();
    let expression = |name: &str| {
        let found = policy.as_array()?.iter().find(|variable| variable["name"] == name)?;
        found["expression"].as_str().map(str::to_owned)
    };
    assert_eq!(expression("labelPrefixes").as_deref(), Some(r#"["example.com/"]"#));
    assert!(expression("tolerations").is_some_and(|text| text.contains(r#""key":"dedicated""#)));
    Ok(())
}
