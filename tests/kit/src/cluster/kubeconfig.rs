//! Kubeconfig files.

use std::fs;
use std::path::Path;

use serde_json::json;

/// Writes a kubeconfig for one cluster and one user. JSON is YAML.
pub(crate) fn write(file: &Path, server: &str, authority: &Path, token: &str) -> anyhow::Result<()> {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    });
    fs::write(file, serde_json::to_vec_pretty(&kubeconfig)?)?;
    Ok(())
}

/// The same cluster for another user.
pub(crate) fn write_for(file: &Path, like: &Path, token: &str) -> anyhow::Result<()> {
    let kubeconfig: serde_json::Value = serde_json::from_slice(&fs::read(like)?)?;
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let text = |key: &str| cluster[key].as_str().unwrap_or_default().to_owned();
    write(file, &text("server"), Path::new(&text("certificate-authority")), token)
}
