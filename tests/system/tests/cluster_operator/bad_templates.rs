//! What the schema takes and the cluster does not: the run says why it cannot go on, and goes on once
//! it is corrected. Nothing crashes, and nothing is tried in a hurry.

use std::collections::BTreeMap;

use chancery_kit::cluster::schema_walk::fields;
use chancery_kit::cluster::{
    Cluster, ClusterRun, Controllers, Namespace, OperatorOptions, OperatorProcess, Release, StandIn,
    condition, condition_is,
};
use chancery_kit::{TestLedger, eventually};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// The name and the uid of the first pod of the namespace.
async fn until_a_pod_is_there(namespace: &Namespace<'_>) -> (String, String) {
    let mut found = Value::Null;
    eventually("a pod is made", async || {
        let pods = namespace.kubectl().run(&["get", "pods", "--output=json"]).await.unwrap_or_default();
        found = serde_json::from_str(&pods).unwrap_or_default();
        found["items"][0]["metadata"]["uid"].is_string()
    })
    .await;
    let text = |field: &str| found["items"][0]["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("name"), text("uid"))
}

/// Either the run is complete, or a condition says why not.
fn has_come_to_something(run: &Value) -> bool {
    let explained = |kind: &str, status: &str| {
        condition(run, kind).is_some_and(|condition| {
            condition["status"] == status && condition["message"].as_str().is_some_and(|text| text.len() > 10)
        })
    };
    let seen = run["status"]["observedGeneration"] == run["metadata"]["generation"];
    seen && (explained("Complete", "True")
        || explained("Failed", "True")
        || explained("Progressing", "False"))
}

#[tokio::test]
async fn a_template_that_the_cluster_refuses_is_explained_and_can_be_corrected() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("templates").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    // The chart's schema lets nobody allow what the API server refuses anyway.
    let allowed = json!({
        "labelPrefixes": ["team"], "serviceAccountNames": ["Not A Name"],
        "tolerations": [{"operator": "Exists"}],
    });
    let environment = vec![("CHANCERY_SIGNER_ALLOWED".to_owned(), allowed.to_string())];
    let mut operator = OperatorProcess::start_with(&release, &OperatorOptions { environment }).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let cases = [
        ("label", json!({"labels": {"team": "not a label!"}}), "labels"),
        ("limits", json!({"resources": {"limits": {"cpu": "much"}}}), "quantit"),
        ("less", json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}), "limit"),
        ("taint", json!({"tolerations": [{"key": "a", "operator": "Likes"}]}), "tolerations"),
        ("selector", json!({"nodeSelector": {"a b": "c"}}), "nodeSelector"),
        ("account", json!({"serviceAccountName": "Not A Name"}), "serviceAccountName"),
    ];
    for (name, template, words) in cases {
        let run = ClusterRun::new(&namespace, name).with("signerTemplate", template);
        run.apply().await?;
        let object = run
            .until(&format!("it says {words:?}"), |run| {
                ["Failed", "Progressing"].iter().any(|kind| {
                    let message = condition(run, kind).and_then(|condition| condition["message"].as_str());
                    message.is_some_and(|message| message.contains(words))
                })
            })
            .await;
        assert!(has_come_to_something(&object), "{object}");
        run.patch_spec(json!({"signerTemplate": null})).await?;
        run.completes(&ledger).await?;
    }
    assert!(operator.runs());
    Ok(())
}

/// A namespace that was not prepared, at its most usual: nobody has made the signers' ServiceAccount.
#[tokio::test]
async fn a_missing_service_account_is_named_with_the_command_that_makes_it() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("no-account").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _kubelet = StandIn::start(&namespace)?;
    let kubectl = namespace.kubectl();
    kubectl.run(&["delete", "serviceaccount", "chancery-signer"]).await?;
    // An API server that is busy lets pods in that name it for some seconds more.
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"},
        "spec": {"serviceAccountName": "chancery-signer", "containers": [{"name": "any", "image": "any"}]},
    });
    eventually("the API server knows that it is gone", async || {
        let create = ["create", "--dry-run=server", "--filename", "-"];
        let ended = kubectl.feed(&create, &pod.to_string()).await;
        ended.is_ok_and(|ended| ended.stderr.contains("serviceaccount \"chancery-signer\" not found"))
    })
    .await;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    let command = format!("kubectl create serviceaccount chancery-signer --namespace {}", namespace.name);
    run.until("it names the account and the command", |run| {
        condition(run, "Progressing").is_some_and(|condition| {
            condition["reason"] == "SignersNotStarting"
                && condition["message"].as_str().is_some_and(|message| message.contains(&command))
        })
    })
    .await;
    kubectl.run(&["create", "serviceaccount", "chancery-signer"]).await?;
    run.completes(&ledger).await
}

/// A sandbox that cannot be made is in no pod's status: only an Event tells of it.
#[tokio::test]
async fn a_pod_that_hangs_is_told_of_by_its_own_events() -> anyhow::Result<()> {
    if Cluster::with_chart().is_none() {
        return Ok(());
    }
    let Some(cluster) = Cluster::start(Controllers::Real) else { return Ok(()) };
    let namespace = cluster.namespace("hangs").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    // Of several pods that hang one is told of, and the Event below is about one.
    let run = ClusterRun::new(&namespace, "demo").with("parallelism", 1);
    run.apply().await?;
    // There is no kubelet, so that its pods stay as they are made.
    let (name, uid) = until_a_pod_is_there(&namespace).await;
    // As a kubelet tells it.
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "from-a-kubelet"}, "type": "Warning",
        "reason": "FailedCreatePodSandBox", "message": "no IP addresses available in range set",
        "involvedObject": {
            "kind": "Pod", "apiVersion": "v1", "name": name, "uid": uid, "namespace": namespace.name,
        },
        "firstTimestamp": Timestamp::now(), "lastTimestamp": Timestamp::now(), "count": 3,
    });
    namespace.kubectl().apply(&event.to_string()).await?;
    let told = run
        .until("it says what hangs", |run| {
            condition(run, "Progressing").is_some_and(|condition| condition["reason"] == "SignersNotStarting")
        })
        .await;
    let said = condition(&told, "Progressing").and_then(|condition| condition["message"].as_str());
    let said = said.unwrap_or_default();
    assert!(said.contains("FailedCreatePodSandBox: no IP addresses available in range set"), "{said}");
    let table = namespace.kubectl().run(&["get", "signingrun", "demo"]).await?;
    assert!(table.contains("STATUS") && table.contains("SignersNotStarting"), "{table}");
    assert_eq!(told["status"]["signers"]["active"], 0, "{told}");
    Ok(())
}

/// The Job is taken, and its pods are not: only an Event about the Job says why.
#[tokio::test]
async fn a_job_whose_pods_are_refused_is_told_of() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("no-pods").await?;
    let ledger = TestLedger::new().await?;
    let allowed = json!({"priorityClassNames": ["no-such-class"]});
    let release = Release::install_allowing(&namespace, &ledger.url, &allowed).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "demo")
        .with("signerTemplate", json!({"priorityClassName": "no-such-class"}));
    run.apply().await?;
    run.until("it says which Job has no pods", |run| {
        condition_is(run, "Progressing", "False")
            && condition(run, "Progressing")
                .and_then(|condition| condition["message"].as_str())
                .is_some_and(|message| message.contains("demo-signer"))
    })
    .await;
    run.patch_spec(json!({"signerTemplate": null})).await?;
    run.completes(&ledger).await
}

/// The runs of the namespace as they are now, by their names.
async fn all_runs(namespace: &Namespace<'_>) -> anyhow::Result<BTreeMap<String, Value>> {
    let text = namespace.kubectl().run(&["get", "signingruns", "--output=json"]).await?;
    let mut list: Value = serde_json::from_str(&text)?;
    let runs = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let named = |run: Value| (run["metadata"]["name"].as_str().unwrap_or_default().to_owned(), run);
    Ok(runs.into_iter().map(named).collect())
}

/// Every field of the spec in every way that the schema lets through.
#[tokio::test]
async fn whatever_the_schema_takes_comes_to_something_and_can_be_deleted() -> anyhow::Result<()> {
    const AT_ONCE: usize = 30;
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("taken").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let mut operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let crd = namespace.kubectl().get("crd", "signingruns.chancery.dev").await?.unwrap_or_default();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let good =
        json!({"recordCount": 3, "keyCount": 1, "batchSize": 2, "algorithm": "EdDSA", "parallelism": 1});
    // Those that are the same whatever is done to a field are tried once.
    let mut distinct: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for field in fields(schema) {
        for mutation in field.mutations(&good).into_iter().filter(|mutation| mutation.allowed) {
            let what = format!("spec.{field} {}", mutation.what);
            distinct.entry(mutation.object.to_string()).or_insert((what, mutation.object));
        }
    }
    let distinct: Vec<(String, Value)> = distinct.into_values().collect();
    assert!(distinct.len() > 80, "the schema has been walked: {}", distinct.len());
    for (round, part) in distinct.chunks(AT_ONCE).enumerate() {
        let runs: Vec<(ClusterRun<'_>, &String)> = part
            .iter()
            .enumerate()
            .map(|(number, (what, spec))| {
                let run = ClusterRun::new(&namespace, &format!("run-{round}-{number}"));
                (run.with_spec(spec.clone()).with("deletionPolicy", "Delete"), what)
            })
            .collect();
        ClusterRun::apply_all(&namespace, runs.iter().map(|(run, _)| run)).await?;
        // What was seen of all of them: to ask for each by itself takes more of a processor than what is waited for.
        let mut seen = all_runs(&namespace).await?;
        for (run, what) in &runs {
            eventually(&format!("{what}: it comes to something"), async || {
                // One that may be deleted as soon as it is complete has been.
                let is_done = |run: Option<&Value>| match run {
                    Some(run) => has_come_to_something(run) || condition_is(run, "Suspended", "True"),
                    None => what.contains("ttlSecondsAfterFinished"),
                };
                if !is_done(seen.get(&run.name))
                    && let Ok(now) = all_runs(&namespace).await
                {
                    seen = now;
                }
                is_done(seen.get(&run.name))
            })
            .await;
        }
        namespace.kubectl().run(&["delete", "signingruns", "--all", "--timeout=120s"]).await?;
    }
    assert!(operator.runs());
    Ok(())
}
