//! Runs with sources and sinks on a real API server: intake and delivery have the rights, the logins and the credentials that the
//! chart and the run's own namespace give them, and no others.

mod delivering;
mod examples;
mod reading;
mod refused;
mod several;

use std::fmt::Write as _;

use chancery_kit::TestLedger;
use chancery_kit::bucket::{ACCESS_KEY_ID, BUCKET, Bucket};
use chancery_kit::cluster::{Namespace, Release, give_url};
use serde_json::{Value, json};

/// A release whose runs may name Secrets that begin with `source-`.
pub(crate) async fn install<'n>(
    namespace: &'n Namespace<'n>,
    ledger: &TestLedger,
) -> anyhow::Result<Release<'n>> {
    install_with(namespace, ledger, json!({"secretPrefixes": ["source-"], "claimPrefixes": ["source-"]}))
        .await
}

/// A release whose sources may name these, and whose sinks what begins with `sink-`.
pub(crate) async fn install_with<'n>(
    namespace: &'n Namespace<'n>,
    ledger: &TestLedger,
    allowed: Value,
) -> anyhow::Result<Release<'n>> {
    let of_sinks = json!({"secretPrefixes": ["sink-"], "claimPrefixes": ["sink-"]});
    let values = json!({
        "crds": {"install": false},
        "rbac": {"aggregate": false},
        "database": give_url(namespace, &ledger.url).await?,
        "operator": {"replicas": 1},
        "intake": {"allowed": allowed},
        "delivery": {"allowed": of_sinks},
    });
    Release::install_with(namespace, &values).await
}

/// The access key of the bucket, as a Secret.
pub(crate) async fn give_credentials(namespace: &Namespace<'_>, name: &str) -> anyhow::Result<()> {
    let data = json!({"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": "secret"});
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
    namespace.kubectl().apply(&secret.to_string()).await?;
    Ok(())
}

/// A claim of this name that is bound, by hand, to a folder of this machine.
pub(crate) async fn give_claim(
    namespace: &Namespace<'_>,
    name: &str,
    folder: &std::path::Path,
) -> anyhow::Result<()> {
    let (volume, storage) = (format!("{}-{name}", namespace.name), json!({"storage": "1Mi"}));
    let modes = json!(["ReadWriteMany"]);
    let of_volume = json!({
        "capacity": storage, "accessModes": modes, "storageClassName": "by-hand",
        "hostPath": {"path": folder.display().to_string()},
    });
    let of_claim = json!({
        "resources": {"requests": storage}, "accessModes": modes, "storageClassName": "by-hand",
        "volumeName": volume,
    });
    let object = |kind: &str, name: &str, spec| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let items =
        [object("PersistentVolume", &volume, of_volume), object("PersistentVolumeClaim", name, of_claim)];
    namespace
        .kubectl()
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())
        .await?;
    Ok(())
}

/// A source of the bucket, read with that Secret.
pub(crate) fn source(bucket: &Bucket, secret: &str) -> Value {
    let url = format!("s3://{BUCKET}/");
    let secret = json!({"name": secret});
    json!({
        "name": "bucket", "format": {"type": "NDJSON"},
        "objects": {"url": url, "endpoint": bucket.endpoint(), "credentialsSecretRef": secret},
    })
}

pub(crate) fn spec(sources: Value) -> Value {
    json!({"sources": sources, "keyCount": 4, "batchSize": 10, "algorithm": "EdDSA", "parallelism": 2})
}

/// So many lines of NDJSON, numbered from `first` on.
pub(crate) fn lines(first: usize, count: usize) -> String {
    (first..first + count).fold(String::new(), |mut text, number| {
        let _written = writeln!(text, "{{\"payment\": {number}}}");
        text
    })
}
