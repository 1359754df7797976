//! Webhooks of runs, by the commands of people.

use chancery_kit::{Chancery, Manifest, TestLedger, WebhookServer};
use serde_json::json;

use crate::webhooks::policy;
use crate::{file, lines};

fn manifest(folder: &std::path::Path) -> Manifest {
    let sources = format!(
        "[{{name: files, objects: {{url: \"file://{}\"}}, format: {{type: NDJSON}}}}]",
        folder.display()
    );
    Manifest::new().without("recordCount").without("recordSize").with("sources", sources)
}

#[tokio::test]
async fn a_run_is_judged_by_a_webhook_and_verified_without_it() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 12))?;
    let server = WebhookServer::scoring().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = manifest(folder.path()).judged_by("scored", &policy(&server, &json!({})));
    let summary = chancery.sign(&run, &["-o", "json"]).await?.expect_code(0)?.json()?;
    let counts = json!({"received": 12, "admitted": 10, "duplicates": 0, "dead": 0, "rejected": 2, "flagged": 2, "alerts": 0});
    assert_eq!((&summary["arrivals"], &summary["audit"]), (&counts, &json!("passed")));
    drop(server);
    let verified = chancery.run(&["verify", "demo", "--policy"]).await?.expect_code(0)?.stdout;
    assert!(verified.contains("12 arrivals, 12 judged again"), "{verified}");
    let status = chancery.run(&["status", "demo"]).await?.expect_code(0)?.stdout;
    assert!(status.contains("PENDING"), "{status}");
    Ok(())
}

#[tokio::test]
async fn what_can_be_known_of_a_webhook_is_refused_before_there_is_a_run() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", lines(0, 1))?;
    let chancery = Chancery::on(&ledger.url)?;
    let hook = |more: serde_json::Value| {
        let mut hook = json!({"name": "model", "url": "https://model.example/score", "adds": "score"});
        hook.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"webhooks": [hook]})
    };
    let signed = hook(json!({"secretRef": {"name": "model"}}));
    let query = json!({
        "lookups": [{"name": "rates", "query": {"urlSecretRef": {"name": "db", "key": "url"}, "sql": "SELECT 1"}}],
        "validations": [{"name": "known", "expression": "lookup('rates', 'a') == 1", "message": "no"}],
    });
    let pushed = "[{name: api, http: {}}]";
    for (manifest, says) in [
        (
            manifest(folder.path()).judged_by("scored", &signed),
            "set CHANCERY_WEBHOOK_SECRET, or leave secretRef out",
        ),
        (manifest(folder.path()).judged_by("scored", &query), "set CHANCERY_LOOKUP_URL"),
        (
            manifest(folder.path()).with("sources", pushed).judged_by("scored", &signed),
            "set CHANCERY_WEBHOOK_SECRET, or leave secretRef out",
        ),
    ] {
        let refused = chancery.sign(&manifest, &[]).await?.expect_code(2)?;
        assert!(refused.stderr.contains(says), "{says:?} is not in {}", refused.stderr);
    }
    let runs: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chancery.runs").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(runs, 0);
    Ok(())
}
