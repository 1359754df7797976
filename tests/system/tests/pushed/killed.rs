//! Gateways that die, and several at once: what was answered is there, and what is sent again is a duplicate.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

use chancery_kit::{Chancery, eventually};
use futures::future::join_all;

use crate::client::{Api, Served};
use crate::{Site, manifest};

/// Pushes lines one at a time, each until it is answered with 200. Whatever else happens, it is sent again.
pub(crate) async fn push_all(
    api: &Mutex<Api>,
    lines: impl Iterator<Item = u32>,
    answered: &Mutex<BTreeSet<u32>>,
) {
    for line in lines {
        eventually("the line is taken in", async || {
            let api = api.lock().map(|api| api.clone());
            let Ok(api) = api else { return false };
            let taken = api.push("", format!("{line}\n")).await.is_ok_and(|answer| answer.status == 200);
            if taken && let Ok(mut answered) = answered.lock() {
                answered.insert(line);
            }
            taken
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_killed_gateway_had_answered_is_there_and_what_is_sent_again_is_a_duplicate()
-> anyhow::Result<()> {
    let mut site = Site::with(&manifest()).await?;
    let (api, answered) = (Mutex::new(site.served.api.clone()), Arc::new(Mutex::new(BTreeSet::new())));
    let pushing =
        join_all((0..8_u32).map(|client| push_all(&api, client * 100..(client + 1) * 100, &answered)));
    let count = || answered.lock().map_or(0, |answered| answered.len());
    let killing = async {
        for kill in 1..=4 {
            // Under way, between any two steps of some requests.
            eventually("some more are answered", async || count() >= kill * 120).await;
            site.served.child.kill().await?;
            site.served = Served::start(&site.chancery).await?;
            if let Ok(mut api) = api.lock() {
                *api = site.served.api.clone();
            }
        }
        anyhow::Ok(())
    };
    let ((), killed) = tokio::join!(async { drop(pushing.await) }, killing);
    killed?;
    assert_eq!(count(), 800);
    let sealed = site.served.api.seal().await?.expect(200)?.json()?;
    assert_eq!(sealed["records"], 800, "each line is one record, whatever died");
    let summary = site.end().await?;
    let arrivals = &summary["arrivals"];
    assert_eq!((&summary["signed"], &arrivals["dead"]), (&800.into(), &0.into()), "{summary}");
    Ok(())
}

#[tokio::test]
async fn two_gateways_at_once_take_each_payload_in_once() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let second = Chancery::on(&site.ledger.url)?;
    let second = Served::start(&second).await.map(|served| (served, second))?;
    let (one, other) = (site.served.api.clone(), second.0.api.clone());
    let mut pushes = Vec::new();
    for number in 0..60 {
        for api in [&one, &other] {
            // Each meets those beside it half way.
            let lines: String = (number * 5..number * 5 + 10).map(|line| format!("{line}\n")).collect();
            pushes.push(async move { api.push("?wait=60", lines).await?.expect(200) });
        }
    }
    let mut admitted = BTreeSet::new();
    for answer in join_all(pushes).await {
        let answer = answer?.json()?;
        for record in answer["records"].as_array().map_or(&[][..], Vec::as_slice) {
            assert!(record["signed"]["signature"].is_string(), "{record}");
            if let Some(number) = record["record"].as_i64() {
                assert!(admitted.insert(number), "record {number} is two payloads");
            }
        }
    }
    assert_eq!((admitted.len(), admitted.last()), (305, Some(&305)));
    assert_eq!(other.seal().await?.expect(200)?.json()?["records"], 305);
    assert_eq!(site.end().await?["signed"], 305);
    Ok(())
}
