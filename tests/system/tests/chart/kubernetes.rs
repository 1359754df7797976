//! Every rendered object fits the types of the Kubernetes API, without a field that they do not know.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::rendering::{every_value_set, name};

#[test]
fn every_value_set_passes_helm_lint() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        chart.lint().map_err(|error| error.context(set))?;
    }
    Ok(())
}

#[test]
fn every_object_fits_the_kubernetes_api() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        for object in chart.objects()? {
            if let Err(error) = check(&object) {
                panic!("{set}: {} {}: {error}", object["kind"], name(&object));
            }
        }
    }
    Ok(())
}

#[test]
fn no_two_objects_are_the_same_one() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        let mut seen = std::collections::BTreeSet::new();
        for object in chart.objects()? {
            let metadata = &object["metadata"];
            let identity = format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]);
            assert!(seen.insert(identity.clone()), "{set}: twice: {identity}");
        }
    }
    Ok(())
}

fn check(object: &Value) -> anyhow::Result<()> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy") => {
            fits::<ValidatingAdmissionPolicy>(object)
        }
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding") => {
            fits::<ValidatingAdmissionPolicyBinding>(object)
        }
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => fits::<CustomResourceDefinition>(object),
        ("apps/v1", "Deployment") => fits::<Deployment>(object),
        ("apps/v1", "StatefulSet") => fits::<StatefulSet>(object),
        ("batch/v1", "Job") => fits::<Job>(object),
        ("chancery.dev/v1alpha1", "SigningRun") => {
            chancery_api::parse(&object.to_string())?;
            Ok(())
        }
        // Their types are not of Kubernetes itself.
        ("monitoring.coreos.com/v1", "PodMonitor" | "PrometheusRule" | "ServiceMonitor")
        | ("gateway.networking.k8s.io/v1", "BackendTLSPolicy" | "HTTPRoute") => Ok(()),
        ("networking.k8s.io/v1", "Ingress") => fits::<Ingress>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => fits::<NetworkPolicy>(object),
        ("policy/v1", "PodDisruptionBudget") => fits::<PodDisruptionBudget>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => fits::<ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => fits::<ClusterRoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => fits::<Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => fits::<RoleBinding>(object),
        ("v1", "ConfigMap") => fits::<ConfigMap>(object),
        ("v1", "Pod") => fits::<Pod>(object),
        ("v1", "Service") => fits::<Service>(object),
        ("v1", "ServiceAccount") => fits::<ServiceAccount>(object),
        (version, kind) => anyhow::bail!("no type is known for {version} {kind}"),
    }
}

/// Whether the type takes the object, and gives all of it back.
fn fits<T: DeserializeOwned + Serialize>(object: &Value) -> anyhow::Result<()> {
    let typed: T = serde_path_to_error::deserialize(object)?;
    lost(object, &serde_json::to_value(typed)?, "")
}

/// Fails for what is in the first and not in the second: the type does not know it.
fn lost(given: &Value, kept: &Value, path: &str) -> anyhow::Result<()> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, value) in given.iter().filter(|(_, value)| !is_empty(value)) {
                let path = format!("{path}.{key}");
                let kept = kept.get(key).ok_or_else(|| anyhow::anyhow!("{path}: unknown field"))?;
                lost(value, kept, &path)?;
            }
            Ok(())
        }
        (Value::Array(given), Value::Array(kept)) if given.len() == kept.len() => {
            for (at, (given, kept)) in given.iter().zip(kept).enumerate() {
                lost(given, kept, &format!("{path}[{at}]"))?;
            }
            Ok(())
        }
        (Value::Number(given), Value::Number(kept)) if given.as_f64() == kept.as_f64() => Ok(()),
        // A quantity may be given as a number.
        (Value::Number(given), Value::String(kept)) if given.to_string() == *kept => Ok(()),
        (given, kept) if given == kept => Ok(()),
        (given, kept) => anyhow::bail!("{path}: {given} became {kept}"),
    }
}

/// An empty list or object is left out by the types.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[test]
fn an_unknown_field_would_be_found() {
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "b", "imagePullPolicys": "Never"}]}});
    let error = check(&pod).expect_err("imagePullPolicys is no field");
    assert_eq!(error.to_string(), ".spec.containers[0].imagePullPolicys: unknown field");
}
