//! CloudEvents are known by their source and id.

use std::path::Path;

use chancery_kit::{Chancery, Manifest, TestLedger};
use serde_json::json;

use crate::file;

/// A run that reads the events of a folder, and says nothing of how it knows them.
fn manifest(folder: &Path) -> Manifest {
    let source = format!(
        "[{{name: events, objects: {{url: \"file://{}\"}}, format: {{type: CloudEvents}}}}]",
        folder.display()
    );
    Manifest::new().without("recordCount").without("recordSize").with("sources", source)
}

#[tokio::test]
async fn events_are_known_by_their_source_and_id_unless_the_manifest_says_otherwise() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let event = |source: &str, id: u32, data: &str| {
        format!(r#"{{"specversion":"1.0","type":"t","source":"{source}","id":"{id}","data":{data}}}"#)
    };
    // Of the second, nothing but what an event needs is looked at.
    let events =
        [event("/a", 1, "1"), event("/a", 2, r#"{"x":1,"x":2}"#), event("/a", 1, "2"), event("/b", 1, "1")];
    file(folder.path(), "a.ndjson", events.iter().chain(&events[3..]).cloned())?;
    let manifest = manifest(folder.path());
    for (manifest, admitted) in [
        (manifest.clone(), 3),
        (manifest.clone().with("idempotency", "{by: Content}"), 4),
        (manifest.clone().with("idempotency", "{by: None}"), 5),
    ] {
        let ledger = TestLedger::new().await?;
        let chancery = Chancery::on(&ledger.url)?;
        let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
        assert_eq!(summary["signed"], admitted, "{summary}");
        assert_eq!((&summary["arrivals"]["received"], &summary["arrivals"]["dead"]), (&5.into(), &0.into()));
        // Asked for again, it is the same run.
        chancery.sign(&manifest, &[]).await?.expect_code(0)?;
    }
    Ok(())
}

/// Runs of the time before that were made by content, and their manifests say nothing of it.
#[tokio::test]
async fn a_run_of_events_that_was_made_by_content_goes_on_so() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let event = |data: u32| {
        json!({"specversion": "1.0", "type": "t", "source": "/a", "id": "1", "data": data}).to_string()
    };
    file(folder.path(), "a.ndjson", (0..4).map(event))?;
    let manifest = manifest(folder.path());
    let chancery = Chancery::on(&ledger.url)?;
    let by_content = manifest.clone().with("idempotency", "{by: Content}");
    chancery.sign(&by_content, &[]).await?.expect_code(0)?;
    let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(summary["records"], 4, "{summary}");
    let refused = chancery.sign(&manifest.with("idempotency", "{by: None}"), &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("spec.idempotency.by"), "{}", refused.stderr);
    Ok(())
}
