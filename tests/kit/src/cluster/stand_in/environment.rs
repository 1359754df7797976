//! What a pod's container is given: its environment and its volumes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, EnvVar, ObjectFieldSelector, Pod, Secret, SecretKeySelector};
use kube::{Api, ResourceExt};

/// Why a container cannot be started yet.
#[derive(Debug)]
pub(crate) struct NotYet {
    /// As the kubelet gives it for a container that waits.
    pub(crate) reason: &'static str,
    /// What is wrong, where the kubelet says so in the pod's status.
    pub(crate) message: Option<String>,
}

impl NotYet {
    /// The kubelet tells of volumes by Events only; the container just waits.
    pub(super) fn volume() -> Self {
        Self { reason: "ContainerCreating", message: None }
    }

    fn config(message: String) -> Self {
        Self { reason: "CreateContainerConfigError", message: Some(message) }
    }
}

/// Where a mounted path is on this machine.
pub(crate) type Mounts = BTreeMap<String, PathBuf>;

/// Writes the volumes of a container into the pod's folder.
pub(crate) async fn mount(
    secrets: &Api<Secret>,
    pod: &Pod,
    container: &Container,
    folder: &Path,
) -> Result<Mounts, NotYet> {
    let mut mounts = Mounts::new();
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.clone()).unwrap_or_default();
    for wanted in container.volume_mounts.iter().flatten() {
        // As deep as in a container, so that what lies above several mounts is there too.
        let place = folder.join("root").join(wanted.mount_path.trim_start_matches('/'));
        fs::create_dir_all(&place).map_err(|_| NotYet::volume())?;
        let volume = volumes.iter().find(|volume| volume.name == wanted.name);
        if let Some(source) = volume.and_then(|volume| volume.secret.as_ref()) {
            let name = source.secret_name.as_deref().unwrap_or_default();
            let optional = source.optional.unwrap_or_default();
            let data = match secret(secrets, name).await {
                Some(data) => data,
                None if optional => BTreeMap::new(),
                None => return Err(NotYet::volume()),
            };
            match &source.items {
                None => {
                    for (key, value) in &data {
                        write(&place.join(key), value).map_err(|_| NotYet::volume())?;
                    }
                }
                Some(items) => {
                    for item in items {
                        match data.get(&item.key) {
                            Some(value) => {
                                write(&place.join(&item.path), value).map_err(|_| NotYet::volume())?;
                            }
                            None if optional => {}
                            None => return Err(NotYet::volume()),
                        }
                    }
                }
            }
        }
        mounts.insert(wanted.mount_path.clone(), place);
    }
    Ok(mounts)
}

/// For its owner alone: here the kubelet and the pod are one user, which on a node they are not.
fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}

/// The environment of a container as Kubernetes makes it, in order.
pub(crate) async fn resolve(
    secrets: &Api<Secret>,
    pod: &Pod,
    container: &Container,
) -> Result<Vec<(String, String)>, NotYet> {
    let mut environment: Vec<(String, String)> = Vec::new();
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(secrets, pod, variable, &environment).await? {
            environment.retain(|(name, _)| *name != variable.name);
            environment.push((variable.name.clone(), value));
        }
    }
    Ok(environment)
}

async fn value(
    secrets: &Api<Secret>,
    pod: &Pod,
    variable: &EnvVar,
    before: &[(String, String)],
) -> Result<Option<String>, NotYet> {
    let Some(source) = &variable.value_from else {
        return Ok(Some(expand(variable.value.as_deref().unwrap_or_default(), before)));
    };
    if let Some(selector) = &source.field_ref {
        return Ok(Some(field(pod, selector)));
    }
    if let Some(selector) = &source.secret_key_ref {
        return secret_key(secrets, selector).await;
    }
    Err(NotYet::config(format!("the stand-in does not know the source of {}", variable.name)))
}

async fn secret_key(secrets: &Api<Secret>, selector: &SecretKeySelector) -> Result<Option<String>, NotYet> {
    let SecretKeySelector { name, key, optional } = selector;
    let optional = optional.unwrap_or_default();
    let Some(data) = secret(secrets, name).await else {
        return if optional { Ok(None) } else { Err(NotYet::config(format!("secret \"{name}\" not found"))) };
    };
    match data.get(key) {
        Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        None if optional => Ok(None),
        None => Err(NotYet::config(format!(
            "couldn't find key {key} in Secret {}/{name}",
            secrets.namespace().unwrap_or_default()
        ))),
    }
}

async fn secret(secrets: &Api<Secret>, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let secret = secrets.get_opt(name).await.ok()??;
    Some(secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect())
}

fn field(pod: &Pod, selector: &ObjectFieldSelector) -> String {
    let label = |path: &str, of: &BTreeMap<String, String>| {
        let key = path.split('\'').nth(1).unwrap_or_default();
        of.get(key).cloned().unwrap_or_default()
    };
    let spec = pod.spec.as_ref();
    match selector.field_path.as_str() {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "spec.nodeName" => super::pod_run::NODE.to_owned(),
        "spec.serviceAccountName" => {
            spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default()
        }
        path if path.starts_with("metadata.labels[") => label(path, pod.labels()),
        path if path.starts_with("metadata.annotations[") => label(path, pod.annotations()),
        _ => "127.0.0.1".to_owned(),
    }
}

/// `$(NAME)` becomes the value of a variable that was given before; `$$` is a dollar; what is not
/// known stays as it is.
fn expand(text: &str, before: &[(String, String)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let known =
            rest.strip_prefix("$(").and_then(|after| after.split_once(')')).and_then(|(name, after)| {
                let (_, value) = before.iter().find(|(before, _)| before == name)?;
                Some((value, after))
            });
        if let Some(after) = rest.strip_prefix("$$") {
            result.push('$');
            rest = after;
        } else if let Some((value, after)) = known {
            result.push_str(value);
            rest = after;
        } else {
            result.push('$');
            rest = &rest[1..];
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn variables_that_were_given_before_are_expanded() {
        let before = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())];
        assert_eq!(expand("$(A)/$(B)", &before), "1/2");
        assert_eq!(expand("$(C) $$(A) $ 5$", &before), "$(C) $(A) $ 5$");
    }
}
