//! Somebody edits the run while the operator works on it.

use chancery_kit::cluster::{ClusterRun, Installed, condition_is};
use serde_json::{Value, json};

fn has_finalizer(run: &Value) -> bool {
    run["metadata"]["finalizers"].as_array().is_some_and(|all| all.contains(&json!("chancery.dev/cleanup")))
}

#[tokio::test]
async fn a_status_that_others_write_becomes_what_it_should_be() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("status").await? else { return Ok(()) };
    let Installed { namespace, .. } = &installed;
    let kubectl = namespace.kubectl();
    let forge = async |status: Value| {
        let patch = json!({"status": status}).to_string();
        let arguments =
            ["patch", "signingrun/demo", "--subresource=status", "--type=merge", "--patch", &patch];
        kubectl.run(&arguments).await
    };
    let run = ClusterRun::new(namespace, "demo").long();
    run.apply().await?;
    run.until_signed(1).await;
    forge(json!({"phase": "Failed", "records": {"total": 1, "seeded": 1, "signed": 1}})).await?;
    run.until("it tells the truth again", |run| {
        run["status"]["phase"] == "Signing" && run["status"]["records"]["total"] == 200_000
    })
    .await;
    run.patch_spec(json!({"suspend": true})).await?;
    run.until_phase("Suspended").await;
    // Nothing moves now that would have the status written anyway.
    forge(json!({"phase": "Pending", "conditions": []})).await?;
    run.until("it tells the truth again", |run| {
        run["status"]["phase"] == "Suspended" && condition_is(run, "Suspended", "True")
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_completion_that_others_claim_is_not_believed() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("claimed").await? else { return Ok(()) };
    let Installed { ledger, namespace, .. } = &installed;
    let run = ClusterRun::new(namespace, "demo").of(5_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(1).await;
    let claim = json!({"status": {"phase": "Complete", "conditions": [{
        "type": "Complete", "status": "True", "reason": "Claimed", "message": "by somebody",
        "lastTransitionTime": "2020-01-01T00:00:00Z",
    }]}});
    let arguments =
        ["patch", "signingrun/demo", "--subresource=status", "--type=merge", "--patch", &claim.to_string()];
    namespace.kubectl().run(&arguments).await?;
    run.until("the claim is gone", |run| run["status"]["conditions"][0]["reason"] != "Claimed").await;
    run.until_phase("Complete").await;
    run.assert_audit_holds(ledger).await
}

#[tokio::test]
async fn a_finalizer_that_is_taken_away_comes_back() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("finalizer").await? else { return Ok(()) };
    let Installed { namespace, .. } = &installed;
    let run = ClusterRun::new(namespace, "demo").long();
    run.apply().await?;
    run.until_signed(1).await;
    run.patch(json!({"metadata": {"finalizers": null}})).await?;
    run.until("the finalizer is back", has_finalizer).await;
    // Another's finalizer is left alone, and outlives ours.
    let theirs = json!({"metadata": {"finalizers": ["chancery.dev/cleanup", "example.com/theirs"]}});
    run.patch(theirs).await?;
    run.delete().await?;
    let last = run.until("only theirs is left", |run| !has_finalizer(run)).await;
    assert_eq!(last["metadata"]["finalizers"], json!(["example.com/theirs"]), "{last}");
    run.patch(json!({"metadata": {"finalizers": null}})).await?;
    run.until("it is gone", |run| run.is_null()).await;
    Ok(())
}

#[tokio::test]
async fn a_spec_that_keeps_changing_ends_as_it_was_last_written() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("spec").await? else { return Ok(()) };
    let Installed { ledger, namespace, .. } = &installed;
    let run = ClusterRun::new(namespace, "demo").of(20_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    for change in 0..12 {
        run.patch_spec(json!({"parallelism": 1 + change % 4, "suspend": change % 3 == 2})).await?;
    }
    run.patch_spec(json!({"parallelism": 3, "suspend": false, "leaseDuration": "7s"})).await?;
    run.until("the last change was seen", |run| {
        run["status"]["observedGeneration"] == run["metadata"]["generation"]
    })
    .await;
    run.completes(ledger).await
}

#[tokio::test]
async fn a_run_of_a_name_that_was_used_before_says_so_and_a_deleted_one_makes_room() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("again").await? else { return Ok(()) };
    let Installed { ledger, namespace, .. } = &installed;
    let first = ClusterRun::new(namespace, "demo");
    first.apply().await?;
    first.completes(ledger).await?;
    first.delete().await?;
    first.until("it is gone", |run| run.is_null()).await;
    // The ledger has kept the first: another run cannot take its name.
    let other = ClusterRun::new(namespace, "demo").of(300, 4, 10);
    other.apply().await?;
    let refused = other.until_condition("Failed", "True").await;
    assert_eq!(refused["reason"], "NotAdopted", "{refused}");
    other.delete().await?;
    other.until("it is gone", |run| run.is_null()).await;
    first.assert_audit_holds(ledger).await
}
