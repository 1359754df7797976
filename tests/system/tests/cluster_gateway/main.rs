//! Records that programs push to a cluster: by the chart's gateway, with the rights that the chart gives it, to an API server
//! that knows tokens and rights.

mod broken_clients;
mod certificates;
mod client;
mod commands;
mod ends;
mod life;
mod page;
mod rights;
mod tokens;

use std::path::Path;

use chancery_kit::TestLedger;
use chancery_kit::cluster::{ClusterRun, Namespace, Release, give_url};
use chancery_kit::tls_server::openssl;
use serde_json::json;

/// The Secret with the gateway's certificate.
pub(crate) const TLS: &str = "gateway-tls";

/// Makes an authority `NAME-ca` in a folder, and the key pair `NAME` of a gateway on this machine.
pub(crate) fn make_certificate(folder: &Path, name: &str) -> anyhow::Result<()> {
    std::fs::write(
        folder.join("names"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:chancery-gateway.chancery.svc\n",
    )?;
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name}-ca \
             -keyout {name}-ca.key -out {name}-ca.crt"
        ),
    )?;
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ),
    )?;
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {name}-ca.crt -CAkey {name}-ca.key -CAcreateserial -days 2 -extfile names \
             -out {name}.crt"
        ),
    )
}

/// A release with a gateway, whose certificate is `one` of the folder, and which believes what it was told for a second.
pub(crate) async fn install<'n>(
    namespace: &'n Namespace<'n>,
    ledger: &TestLedger,
    folder: &Path,
) -> anyhow::Result<Release<'n>> {
    make_certificate(folder, "one")?;
    let path = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (format!("--cert={}", path("one.crt")), format!("--key={}", path("one.key")));
    namespace.kubectl().run(&["create", "secret", "tls", TLS, &certificate, &key]).await?;
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": give_url(namespace, &ledger.url).await?,
        "operator": {"replicas": 1},
        "gateway": {"enabled": true, "tls": {"existingSecret": TLS}, "believeSeconds": 1, "drainSeconds": 0},
    });
    Release::install_with(namespace, &values).await
}

/// A run to which programs push.
pub(crate) fn pushed<'n>(namespace: &'n Namespace<'n>) -> ClusterRun<'n> {
    ClusterRun::new(namespace, "demo").with_spec(json!({
        "sources": [{"name": "push", "http": {}}],
        "keyCount": 4, "batchSize": 10, "algorithm": "EdDSA", "parallelism": 2,
    }))
}

/// Makes a ServiceAccount that may do this with all runs of the namespace.
pub(crate) async fn let_do(
    namespace: &Namespace<'_>,
    account: &str,
    what: &[(&str, &str)],
) -> anyhow::Result<()> {
    let kubectl = namespace.kubectl();
    kubectl.run(&["create", "serviceaccount", account]).await?;
    for (number, (verb, resource)) in what.iter().enumerate() {
        let role = format!("{account}-{number}");
        // As the page has it.
        kubectl.run(&["create", "role", &role, "--verb", verb, "--resource", resource]).await?;
        let (to, who) = (format!("--role={role}"), format!("--serviceaccount={}:{account}", namespace.name));
        kubectl.run(&["create", "rolebinding", &role, &to, &who]).await?;
    }
    Ok(())
}

/// What a program needs that pushes and reads.
pub(crate) const PUSHER: [(&str, &str); 2] =
    [("create", "signingruns.chancery.dev/records"), ("get", "signingruns.chancery.dev/results")];

/// A token of a ServiceAccount, as `kubectl create token` makes it.
pub(crate) async fn token(
    namespace: &Namespace<'_>,
    account: &str,
    audience: &str,
) -> anyhow::Result<String> {
    let audience = format!("--audience={audience}");
    let mut arguments = vec!["create", "token", account];
    if audience != "--audience=" {
        arguments.push(&audience);
    }
    Ok(namespace.kubectl().run(&arguments).await?.trim().to_owned())
}
