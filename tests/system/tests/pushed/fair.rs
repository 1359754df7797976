//! What is pushed to one run does not keep what is pushed to another from being judged.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::try_join_all;
use serde_json::json;

use crate::client::{DEMO, NDJSON};
use crate::{Site, manifest};

/// Requests whose judging takes long, and how many of them a gateway judges at a time.
const LONG: usize = 12;
const PLACES: usize = 4;

/// Of a record of 1 MiB.
const ITEMS: usize = 500_000;

#[tokio::test]
async fn a_run_whose_records_take_long_to_judge_does_not_hold_up_another() -> anyhow::Result<()> {
    let looks =
        |number| json!({"name": format!("look-{number}"), "expression": "record.list.all(x, x >= 0)"});
    let slow = json!({"validations": (0..3).map(looks).collect::<Vec<_>>()});
    let quick = json!({"validations": [{"name": "small", "expression": "record.number < 8"}]});
    let site = Site::with(&manifest().judged_by("slow", &slow)).await?;
    let api = site.served.api.clone();
    let other = manifest().named("other").judged_by("quick", &quick);
    let other = site.chancery.start_signing(&other, &[])?;
    let path = DEMO.replace("demo", "other");
    chancery_kit::eventually("there is the other run", async || {
        api.get(&format!("{path}/results")).await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    let list = vec!["1"; ITEMS].join(",");
    let answered = AtomicUsize::new(0);
    let slow = try_join_all((0..LONG).map(async |number| {
        let pushed = api.push("", format!("{{\"number\": {number}, \"list\": [{list}]}}\n")).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(pushed.expect(200)?.states()? == ["admitted"], "{number}");
        anyhow::Ok(())
    }));
    let quick = async {
        // Once there is one of them, the others are there as well.
        chancery_kit::eventually("one is judged", async || answered.load(Ordering::Relaxed) > 0).await;
        let before = answered.load(Ordering::Relaxed);
        let path = format!("{path}/records");
        let pushed = api.ask("POST", &path, &[("content-type", NDJSON)], "{\"number\": 1}\n").await?;
        anyhow::ensure!(pushed.expect(200)?.states()? == ["admitted"]);
        let meanwhile = answered.load(Ordering::Relaxed) - before;
        anyhow::ensure!(meanwhile < LONG - PLACES, "{meanwhile} of another run were judged before it");
        Ok(())
    };
    tokio::try_join!(slow, quick)?;
    api.seal().await?.expect(200)?;
    drop(other);
    assert_eq!(site.end().await?["signed"], LONG);
    Ok(())
}
