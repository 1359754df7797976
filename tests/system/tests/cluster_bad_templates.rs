//! What the schema takes and the cluster does not: the run says why it cannot go on, and goes on once
//! it is corrected. Nothing crashes, and nothing is tried in a hurry.

use std::collections::BTreeMap;

use chancery_kit::TestLedger;
use chancery_kit::cluster::schema_walk::fields;
use chancery_kit::cluster::{
    Cluster, ClusterRun, OperatorOptions, OperatorProcess, Release, StandIn, condition, condition_is,
};
use serde_json::{Value, json};

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

/// Every field of the spec in every way that the schema lets through.
#[tokio::test]
async fn whatever_the_schema_takes_comes_to_something_and_can_be_deleted() -> anyhow::Result<()> {
    const AT_ONCE: usize = 100;
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("taken").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let mut operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let crd = namespace.kubectl().get("crd", "signingruns.chancery.dev").await?.unwrap_or_default();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let good = json!({"recordCount": 3, "keyCount": 1, "batchSize": 2, "algorithm": "EdDSA"});
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
        for (run, what) in &runs {
            run.until(&format!("{what}: it comes to something"), |run| {
                // One that may be deleted as soon as it is complete has been.
                has_come_to_something(run)
                    || condition_is(run, "Suspended", "True")
                    || (run.is_null() && what.contains("ttlSecondsAfterFinished"))
            })
            .await;
        }
        namespace.kubectl().run(&["delete", "signingruns", "--all", "--timeout=120s"]).await?;
    }
    assert!(operator.runs());
    Ok(())
}
