//! The operator and the policy agree on what a template may ask for.

use serde_json::{Value, json};

use crate::policy::{Release, completed};

/// What runs ask for.
fn asked() -> Vec<Value> {
    let tolerations = [
        json!({"operator": "Exists"}),
        json!({"key": "dedicated", "operator": "Exists"}),
        json!({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}),
        json!({"key": "dedicated", "operator": "Equal", "value": "signing", "effect": "NoSchedule"}),
        json!({"key": "dedicated", "value": "signing", "effect": "NoSchedule"}),
        json!({"key": "dedicated", "value": "signing"}),
        json!({"key": "dedicated", "effect": "NoSchedule"}),
        json!({"key": "dedicated", "value": "signing", "effect": "NoExecute", "tolerationSeconds": 5}),
        json!({"key": "dedicated", "operator": "Gt", "value": "signing", "effect": "NoSchedule"}),
        json!({"key": "other", "operator": "Exists"}),
    ];
    let mut asked: Vec<Value> =
        tolerations.into_iter().map(|toleration| json!({"tolerations": [toleration]})).collect();
    asked.extend([
        json!({}),
        json!({"serviceAccountName": "robot"}),
        json!({"serviceAccountName": "chancery-signer"}),
        json!({"priorityClassName": "system-node-critical"}),
        json!({"runtimeClassName": "gvisor"}),
        json!({"labels": {"example.com/team": "a"}}),
        json!({"labels": {"example.com/team": "a", "app": "bank"}}),
        json!({"annotations": {"example.com/note": "a"}}),
        json!({"annotations": {"sidecar.istio.io/inject": "true"}}),
        json!({"annotations": {"container.apparmor.security.beta.kubernetes.io/signer": "unconfined"}}),
        json!({"nodeSelector": {"a": "b"}, "imagePullSecrets": [{"name": "registry"}]}),
    ]);
    asked
}

/// What installations allow.
fn allowed() -> Vec<Value> {
    let tolerations = [
        json!([{"operator": "Exists"}]),
        json!([{"key": "dedicated", "operator": "Exists"}]),
        json!([{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]),
        json!([{"key": "dedicated", "operator": "Equal", "value": "signing", "effect": "NoSchedule"}]),
        json!([{"key": "dedicated", "value": "signing"}]),
        json!([{"key": "dedicated"}, {"key": "other", "operator": "Exists"}]),
    ];
    let mut allowed: Vec<Value> =
        tolerations.into_iter().map(|tolerations| json!({"tolerations": tolerations})).collect();
    allowed.extend([
        json!({}),
        json!({
            "serviceAccountNames": ["robot"], "priorityClassNames": ["high", "system-node-critical"],
            "runtimeClassNames": ["gvisor"], "labelPrefixes": ["example.com/"],
            "annotationPrefixes": ["example.com/", "sidecar.istio.io/inject"],
        }),
        json!({"labelPrefixes": ["app", "example.com/"]}),
    ]);
    allowed
}

#[test]
fn the_operator_and_the_policy_refuse_the_same_templates() -> anyhow::Result<()> {
    let (mut taken, mut refused) = (0, 0);
    for allowed in allowed() {
        let Some(release) = Release::with(&json!({"signer": {"allowed": allowed}}))? else { return Ok(()) };
        for template in asked() {
            let job = completed(&release.job_for(&template)?);
            let by_policy = release.against_create(&job)?;
            let settings = &release.settings;
            let asked = serde_json::from_value(template.clone())?;
            let by_operator = settings.allowed.refusal(&asked, settings.service_account.as_deref());
            assert_eq!(by_operator.is_some(), !by_policy.is_empty(), "{allowed}: {template}: {by_policy:?}");
            assert!(by_policy.iter().all(|said| said.contains("signer.allowed.")), "{by_policy:?}");
            if by_policy.is_empty() { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 40 && refused > 40, "{taken} were taken and {refused} refused");
    Ok(())
}
