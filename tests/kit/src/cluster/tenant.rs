//! Somebody who may edit one namespace.

use super::namespace::Namespace;

/// Kubernetes' own role `edit`, and what it is put together from: no controller does that where a test has none.
const EDIT: [&str; 3] = ["edit", "system:aggregate-to-edit", "system:aggregate-to-view"];

/// Lets a user edit a namespace and its runs, as `edit` and the chart's aggregated role do together.
///
/// # Errors
///
/// When the API server refuses.
pub async fn let_edit(namespace: &Namespace<'_>, user: &str) -> anyhow::Result<()> {
    let (kubectl, user) = (namespace.kubectl(), format!("--user={user}"));
    let runs = "--resource=signingruns.chancery.dev";
    let verbs = "--verb=get,list,watch,create,update,patch,delete";
    kubectl.run(&["create", "role", "edits-runs", verbs, runs]).await?;
    kubectl.run(&["create", "rolebinding", "edits-runs", "--role=edits-runs", &user]).await?;
    for (number, role) in EDIT.iter().enumerate() {
        let (name, role) = (format!("edits-{number}"), format!("--clusterrole={role}"));
        kubectl.run(&["create", "rolebinding", &name, &role, &user]).await?;
    }
    Ok(())
}
