//! What the ledger keeps of one tenant is not the next one's of the same name: on a real API server, with the rights that
//! Kubernetes' own role `edit` gives.

use chancery_kit::cluster::{
    Cluster, ClusterRun, OperatorProcess, Release, StandIn, condition, condition_is, let_edit,
};
use chancery_kit::{TestLedger, eventually};
use serde_json::{Value, json};

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().expect("a uid").to_owned()
}

fn is_refused(run: &Value, reason: &str) -> bool {
    condition(run, "Failed").is_some_and(|failed| failed["status"] == "True" && failed["reason"] == reason)
}

async fn is_gone(run: &ClusterRun<'_>) {
    run.until("it is gone", Value::is_null).await;
}

#[tokio::test]
async fn a_tenant_gets_nothing_of_a_run_that_is_kept_under_the_name_of_theirs() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("kept").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let victims = ClusterRun::new(&namespace, "invoices");
    victims.apply().await?;
    victims.completes(&ledger).await?;
    let former = uid(&victims.get().await?);
    victims.delete().await?;
    is_gone(&victims).await;

    // The attack: the same name, the same spec, and a policy that deletes.
    let mallory = "mallory";
    let_edit(&namespace, mallory).await?;
    let mine = ClusterRun::new(&namespace, "invoices").with("deletionPolicy", "Delete");
    let as_mallory = format!("--as={mallory}");
    let kubectl = namespace.kubectl();
    kubectl.feed(&["apply", "--filename", "-", &as_mallory], &mine.manifest()).await?.expect_code(0)?;
    let seen = mine.until("it is refused", |run| is_refused(run, "NotAdopted")).await;
    assert!(!seen.to_string().contains(&former), "{seen}");
    assert_eq!(seen["status"]["records"]["signed"], 0, "{seen}");
    eventually("an Event says so too", async || {
        mine.events().await.is_ok_and(|events| events.iter().any(|event| event == "NotAdopted"))
    })
    .await;
    kubectl
        .run(&["annotate", "signingrun/invoices", &format!("chancery.dev/adopt={}", uid(&seen)), &as_mallory])
        .await?;
    kubectl
        .run(&["annotate", "signingrun/invoices", "chancery.dev/delete-adopted=true", &as_mallory])
        .await?;
    // Nobody but the operator writes a status, which could say that the run was signed.
    let forged = json!({"status": {"phase": "Complete"}}).to_string();
    let patch = [
        "patch",
        "signingrun/invoices",
        "--subresource=status",
        "--type=merge",
        "--patch",
        &forged,
        &as_mallory,
    ];
    assert_ne!(kubectl.try_run(&patch).await?.code, Some(0));
    kubectl.run(&["delete", "signingrun/invoices", "--wait=false", &as_mallory]).await?;
    is_gone(&mine).await;
    assert!(victims.is_in(&ledger).await?, "what was the victim's is kept");
    victims.assert_audit_holds(&ledger).await?;

    // Its owner takes it up again by what only they know, and deletes it by a second word.
    let again = ClusterRun::new(&namespace, "invoices").with("deletionPolicy", "Delete");
    again.apply().await?;
    again.annotate("chancery.dev/adopt", &former).await?;
    again.until("it is complete", |run| condition_is(run, "Complete", "True")).await;
    let taken = uid(&again.get().await?);
    again.delete().await?;
    is_gone(&again).await;
    assert!(again.is_in(&ledger).await?, "the adoption alone deletes nothing");
    again.apply().await?;
    again.annotate("chancery.dev/adopt", &taken).await?;
    again.annotate("chancery.dev/delete-adopted", &taken).await?;
    again.until("it is complete", |run| condition_is(run, "Complete", "True")).await;
    again.delete().await?;
    is_gone(&again).await;
    assert!(!again.is_in(&ledger).await?);
    Ok(())
}

#[tokio::test]
async fn two_clusters_on_one_ledger_do_not_get_each_others_runs_and_keyrings() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("twins").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "ours").with("keyringRef", json!({"name": "shared"}));
    run.apply().await?;
    run.completes(&ledger).await?;
    let maker = uid(&run.get().await?);
    assert_eq!(run.get().await?["status"]["keyring"]["madeBy"], maker);

    // The ledger as another cluster would have left it, whose namespace has the same name.
    ledger
        .execute(
            "UPDATE chancery.runs SET namespace_uid = gen_random_uuid(), object_uid = gen_random_uuid();
             UPDATE chancery.keyrings SET namespace_uid = gen_random_uuid()",
        )
        .await?;
    let other = ClusterRun::new(&namespace, "other").with("keyringRef", json!({"name": "shared"}));
    other.apply().await?;
    other.until("it is refused", |run| is_refused(run, "KeyringNotAdopted")).await;
    assert!(!other.is_in(&ledger).await?);
    other.annotate("chancery.dev/adopt-keyring", &maker).await?;
    other.completes(&ledger).await?;
    Ok(())
}
