//! Every pod meets the restricted Pod Security Standard, with a root file system that is read-only.

use anyhow::ensure;
use k8s_openapi::api::core::v1::{Container, PodSpec, SeccompProfile};
use serde_json::Value;

use crate::rendering::{every_value_set, name};

#[test]
fn every_pod_meets_the_restricted_pod_security_standard() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        let mut pods = 0;
        for object in chart.objects()? {
            let Some(pod) = pod_of(&object)? else { continue };
            restricted(&pod)
                .map_err(|error| error.context(format!("{set}: {} {}", object["kind"], name(&object))))?;
            pods += 1;
        }
        assert!(pods > 0, "{set}: no pod was rendered");
    }
    Ok(())
}

#[test]
fn only_pods_that_talk_to_the_api_server_have_a_token() -> anyhow::Result<()> {
    for (set, chart) in every_value_set()? {
        for object in chart.objects()? {
            if object["kind"] == "ServiceAccount" {
                assert_eq!(object["automountServiceAccountToken"], false, "{set}: {}", name(&object));
            }
            let Some(pod) = pod_of(&object)? else { continue };
            let needs_it = ["-operator", "-gateway", "-make-secrets", "-prepare-uninstall", "-test"]
                .iter()
                .any(|ending| name(&object).ends_with(ending));
            assert_eq!(pod.automount_service_account_token, Some(needs_it), "{set}: {}", name(&object));
        }
    }
    Ok(())
}

fn pod_of(object: &Value) -> anyhow::Result<Option<PodSpec>> {
    let spec = match object["kind"].as_str() {
        Some("Pod") => &object["spec"],
        Some("Deployment" | "StatefulSet" | "DaemonSet" | "Job") => &object["spec"]["template"]["spec"],
        _ => return Ok(None),
    };
    Ok(Some(serde_json::from_value(spec.clone())?))
}

/// The controls of <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, restricted.
fn restricted(pod: &PodSpec) -> anyhow::Result<()> {
    ensure!(pod.host_network != Some(true), "the host's network");
    ensure!(pod.host_pid != Some(true) && pod.host_ipc != Some(true), "the host's processes");
    for volume in pod.volumes.iter().flatten() {
        let allowed = volume.config_map.is_some()
            || volume.csi.is_some()
            || volume.downward_api.is_some()
            || volume.empty_dir.is_some()
            || volume.ephemeral.is_some()
            || volume.persistent_volume_claim.is_some()
            || volume.projected.is_some()
            || volume.secret.is_some();
        ensure!(allowed, "the volume {} is of a kind that is not allowed", volume.name);
    }
    let context = pod.security_context.clone().unwrap_or_default();
    ensure!(context.run_as_user != Some(0), "runs as root");
    ensure!(context.sysctls.is_none_or(|sysctls| sysctls.is_empty()), "sysctls");
    ensure!(context.se_linux_options.is_none(), "SELinux options");
    let non_root = context.run_as_non_root == Some(true);
    let confined = is_confined(context.seccomp_profile.as_ref());
    ensure!(pod.ephemeral_containers.is_none(), "ephemeral containers");
    for container in pod.init_containers.iter().flatten().chain(&pod.containers) {
        restricted_container(container, non_root, confined)
            .map_err(|error| error.context(format!("container {}", container.name)))?;
    }
    Ok(())
}

fn restricted_container(container: &Container, non_root: bool, confined: bool) -> anyhow::Result<()> {
    let context = container.security_context.clone().unwrap_or_default();
    ensure!(context.privileged != Some(true), "privileged");
    ensure!(context.allow_privilege_escalation == Some(false), "may escalate privileges");
    ensure!(context.read_only_root_filesystem == Some(true), "its root file system can be written to");
    ensure!(context.run_as_non_root.unwrap_or(non_root), "may run as root");
    ensure!(context.run_as_user != Some(0), "runs as root");
    ensure!(context.proc_mount.as_deref().is_none_or(|mount| mount == "Default"), "/proc unmasked");
    ensure!(context.se_linux_options.is_none(), "SELinux options");
    ensure!(
        context.seccomp_profile.as_ref().map_or(confined, |profile| is_confined(Some(profile))),
        "no seccomp profile"
    );
    let capabilities = context.capabilities.unwrap_or_default();
    ensure!(capabilities.drop.is_some_and(|drop| drop.iter().any(|name| name == "ALL")), "has capabilities");
    ensure!(capabilities.add.is_none_or(|add| add.is_empty()), "adds capabilities");
    let mut ports = container.ports.iter().flatten();
    ensure!(ports.all(|port| port.host_port.is_none()), "a port of the host");
    Ok(())
}

fn is_confined(profile: Option<&SeccompProfile>) -> bool {
    profile.is_some_and(|profile| profile.type_ == "RuntimeDefault" || profile.type_ == "Localhost")
}
