//! The stand-ins for the Job controller, the garbage collector and the kubelet: they do with a plain
//! Job of signers what a cluster would do.

use chancery_kit::cluster::{Cluster, Namespace, StandIn};
use chancery_kit::{SeededRun, TestLedger, TestRun, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A Job of signers for a seeded run, as the operator makes them.
fn job(name: &str, run: &SeededRun<'_>, parallelism: u32) -> Value {
    let variable = |name: &str, value: &str| json!({"name": name, "value": value});
    let of_field =
        |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "parallelism": parallelism,
            "backoffLimit": 10,
            "completionMode": "Indexed",
            "completions": 2_000,
            "backoffLimitPerIndex": 0,
            "successPolicy": {"rules": [{"succeededCount": 1}]},
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [
                {"action": "FailJob", "onExitCodes": {"containerName": "signer", "operator": "In", "values": [78]}},
                {"action": "Ignore", "onExitCodes": {"containerName": "signer", "operator": "In", "values": [74, 75]}},
                {"action": "FailIndex", "onExitCodes": {"containerName": "signer", "operator": "In", "values": [130]}},
                {"action": "FailIndex", "onPodConditions": [{"type": "DisruptionTarget"}]},
            ]},
            "template": {"spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "signer",
                    "image": "signer",
                    "command": ["/chancery-signer"],
                    "env": [
                        of_field("POD_NAME", "metadata.name"),
                        of_field("POD_UID", "metadata.uid"),
                        variable("CHANCERY_HOLDER", "$(POD_NAME)/$(POD_UID)"),
                        variable("CHANCERY_RUN", &run.run.name),
                        variable("CHANCERY_NAMESPACE", &run.run.namespace),
                        variable("CHANCERY_DATA_KEY_FILE", "/etc/chancery/signer/data-key"),
                        variable("CHANCERY_RECONNECT_FOR", "0"),
                        variable("CHANCERY_STOPPED_EXIT", "130"),
                        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "chancery-signer", "key": "database-url"}}},
                    ],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "secret", "mountPath": "/etc/chancery/signer"}],
                }],
                "volumes": [{"name": "secret", "secret": {"secretName": "chancery-signer", "items": [{"key": "data-key", "path": "data-key"}]}}],
            }},
        },
    })
}

fn secret(run: &SeededRun<'_>) -> anyhow::Result<Value> {
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "chancery-signer"},
        "stringData": {
            "database-url": run.url()?,
            "data-key": std::fs::read_to_string(&run.data_key_file)?,
        },
    }))
}

async fn apply(namespace: &Namespace<'_>, object: &Value) -> anyhow::Result<()> {
    namespace.kubectl().apply(&object.to_string()).await?;
    Ok(())
}

async fn status(namespace: &Namespace<'_>, job: &str) -> anyhow::Result<Value> {
    let job = namespace.kubectl().get("job", job).await?.unwrap_or_default();
    Ok(job["status"].clone())
}

fn condition<'s>(status: &'s Value, kind: &str) -> Option<&'s Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

#[tokio::test]
async fn a_job_of_signers_signs_its_run_to_the_end() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("complete").await?;
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(2_000).seeded(&ledger).await?;
    let stand_in = StandIn::start(&namespace)?;
    apply(&namespace, &secret(&run)?).await?;
    apply(&namespace, &job("signers", &run, 2)).await?;
    namespace.kubectl().run(&["wait", "--for=condition=Complete", "--timeout=60s", "job/signers"]).await?;
    let status = status(&namespace, "signers").await?;
    assert!(condition(&status, "SuccessCriteriaMet").is_some(), "{status}");
    assert!([1, 2].map(Value::from).contains(&status["succeeded"]), "{status}");
    assert_eq!(status["failed"], Value::Null, "{status}");
    assert!(stand_in.running().is_empty());
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_pod_waits_for_its_secret_and_says_which() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("secret").await?;
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let mut incomplete = secret(&run)?;
    if let Some(data) = incomplete["stringData"].as_object_mut() {
        data.remove("database-url");
    }
    apply(&namespace, &job("signers", &run, 1)).await?;
    let waits = async |reason: &str| {
        let path = ".items[*].status.containerStatuses[*].state.waiting";
        let waiting = namespace.kubectl().jsonpath("pods", path).await.unwrap_or_default();
        waiting.contains(reason)
    };
    eventually("the volume is waited for", async || waits("ContainerCreating").await).await;
    apply(&namespace, &incomplete).await?;
    let missing = format!("couldn't find key database-url in Secret {}/chancery-signer", namespace.name);
    eventually("the key is waited for", async || waits(&missing).await).await;
    apply(&namespace, &secret(&run)?).await?;
    namespace.kubectl().run(&["wait", "--for=condition=Complete", "--timeout=60s", "job/signers"]).await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_will_never_work_fails_the_job_at_once() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("never").await?;
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let stand_in = StandIn::start(&namespace)?;
    let mut wrong = secret(&run)?;
    wrong["stringData"]["data-key"] = json!("0".repeat(32));
    apply(&namespace, &wrong).await?;
    apply(&namespace, &job("signers", &run, 2)).await?;
    namespace.kubectl().run(&["wait", "--for=condition=Failed", "--timeout=60s", "job/signers"]).await?;
    let status = status(&namespace, "signers").await?;
    let failed = condition(&status, "Failed").cloned().unwrap_or_default();
    assert_eq!(failed["reason"], "PodFailurePolicy", "{status}");
    let message = failed["message"].as_str().unwrap_or_default();
    assert!(message.contains("failed with exit code 78 matching FailJob rule at index 0"), "{message}");
    assert!(stand_in.running().is_empty());
    Ok(())
}

/// A run that takes long enough to act on it.
fn long() -> TestRun {
    // Minutes: such keys take some seven times as long as those of the usual size.
    TestRun::new().algorithm("RS256").key_size(4_096).keys(4).records(200_000).batch_size(100)
}

#[tokio::test]
async fn pods_come_and_go_with_parallelism_and_suspension() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("scale").await?;
    let ledger = TestLedger::new().await?;
    let run = long().seeded(&ledger).await?;
    let stand_in = StandIn::start(&namespace)?;
    apply(&namespace, &secret(&run)?).await?;
    apply(&namespace, &job("signers", &run, 3)).await?;
    let kubectl = namespace.kubectl();
    let patch = async |spec: Value| {
        let patch = json!({"spec": spec}).to_string();
        kubectl.run(&["patch", "job", "signers", "--patch", &patch]).await
    };
    eventually("three run", async || stand_in.running().len() == 3).await;
    patch(json!({"parallelism": 1})).await?;
    eventually("one is left", async || stand_in.running().len() == 1).await;
    patch(json!({"suspend": true})).await?;
    eventually("none is left", async || {
        let status = status(&namespace, "signers").await.unwrap_or_default();
        stand_in.running().is_empty()
            && condition(&status, "Suspended").is_some_and(|it| it["status"] == "True")
    })
    .await;
    patch(json!({"suspend": false, "parallelism": 2})).await?;
    eventually("two run", async || stand_in.running().len() == 2).await;
    let status = status(&namespace, "signers").await?;
    assert_eq!(status["failed"], 3, "each pod that was stopped counts, and uses its index up: {status}");
    Ok(())
}

#[tokio::test]
async fn a_killed_pod_counts_and_so_does_an_evicted_one() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("faults").await?;
    let ledger = TestLedger::new().await?;
    let run = long().seeded(&ledger).await?;
    let stand_in = StandIn::start(&namespace)?;
    apply(&namespace, &secret(&run)?).await?;
    apply(&namespace, &job("signers", &run, 1)).await?;
    let another_than = async |before: &str| {
        eventually("another pod runs", async || stand_in.running().first().is_some_and(|pod| pod != before))
            .await;
        stand_in.running().remove(0)
    };
    let first = another_than("").await;
    stand_in.evict(&first).await?;
    let second = another_than(&first).await;
    assert_eq!(status(&namespace, "signers").await?["failed"], 1);
    stand_in.kill(&second)?;
    let third = another_than(&second).await;
    let killed = namespace.kubectl().get("pod", &second).await?.unwrap_or_default();
    let terminated = &killed["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(terminated["exitCode"], 137, "{killed}");
    eventually("it is counted", async || {
        status(&namespace, "signers").await.is_ok_and(|status| status["failed"] == 2)
    })
    .await;
    stand_in.freeze();
    stand_in.signal(&third, Signal::SIGKILL)?;
    eventually("its process is gone", async || stand_in.running().is_empty()).await;
    assert_eq!(namespace.kubectl().jsonpath(&format!("pod/{third}"), ".status.phase").await?, "Running");
    stand_in.thaw();
    another_than(&third).await;
    Ok(())
}

#[tokio::test]
async fn pods_go_with_their_job_however_it_is_deleted() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let namespace = cluster.namespace("garbage").await?;
    let ledger = TestLedger::new().await?;
    let run = long().seeded(&ledger).await?;
    let stand_in = StandIn::start(&namespace)?;
    apply(&namespace, &secret(&run)?).await?;
    let kubectl = namespace.kubectl();
    for how in ["background", "foreground"] {
        apply(&namespace, &job(how, &run, 2)).await?;
        eventually("two run", async || stand_in.running().len() == 2).await;
        kubectl.run(&["delete", "job", how, &format!("--cascade={how}"), "--timeout=60s"]).await?;
        eventually("all pods are gone", async || {
            kubectl.run(&["get", "pods", "--output=name"]).await.is_ok_and(|pods| pods.is_empty())
        })
        .await;
        assert!(stand_in.running().is_empty());
    }
    apply(&namespace, &job("orphan", &run, 1)).await?;
    eventually("one runs", async || stand_in.running().len() == 1).await;
    kubectl.run(&["delete", "job", "orphan", "--cascade=orphan", "--timeout=60s"]).await?;
    assert_eq!(stand_in.running().len(), 1);
    Ok(())
}
