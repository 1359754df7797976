//! Bringing signed batches elsewhere: what it costs signing, and how fast one delivery is on one core.

use std::fs;
use std::time::Instant;

use anyhow::ensure;
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_kit::{DeliveryProcess, WebhookServer};
use chancery_store::{LedgerUrl, NewRun, Run, SinkOfRun};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::json;

use crate::command;
use crate::signers::sign_unseen;
use crate::site::Site;
use crate::work::Work;

/// Of a batch, as users have them.
const BATCH: u64 = 100;

/// Sessions that the login of a delivery may have.
const SESSIONS: u32 = 8;

/// Algorithms, with records: where signing is most of the work, and where a delivery weighs most.
const SIGNED: [(&str, u64); 2] = [("RS256", 100_000), ("EdDSA", 500_000)];

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let server = WebhookServer::saying(|_| serde_json::Value::Null).await?;
    // As long as the program.
    let receiver: &'static str = Box::leak(server.url().into_boxed_str());
    let mut figures = Vec::new();
    for (algorithm, records) in SIGNED {
        let work = Work::new(algorithm, effort.of(records, 20_000), 100, BATCH);
        let works = [work, work.brought(receiver)];
        let mut shares = Samples::default();
        for pair in 0..effort.pairs {
            let mut rates = [0.0; 2];
            // Each begins as many pairs.
            for place in [pair % 2, 1 - pair % 2] {
                let ran = command::seed_and_sign(&site, &works[place]).await?;
                site.delete(&ran.run).await?;
                rates[place] = ran.rate()?;
            }
            shares.add(rates[1] / rates[0]);
        }
        let title = format!(
            "{algorithm} signatures per second, with a sink and a notification for each batch / without"
        );
        figures.push(Figure::new(title, shares, Bound::AtLeast(0.9)));
    }
    let mut rates = Samples::default();
    for _ in 0..effort.pairs {
        rates.add(delivered(&site, effort.of(10_000, 500)).await?);
    }
    let title = format!("batches of {BATCH} brought per second to a local folder by a delivery on one core");
    figures.push(Figure::new(title, rates, Bound::AtLeast(500.0)));
    Ok(Outcome { figures, ..Outcome::default() })
}

/// A run that is signed, and still has to be brought to these sinks, by their names.
pub(crate) async fn signed(
    site: &Site,
    mut new: NewRun,
    sinks: &[(&str, serde_json::Value)],
) -> anyhow::Result<Run> {
    new.sinks.0 = sinks
        .iter()
        .map(|(name, description)| SinkOfRun {
            name: (*name).to_owned(),
            description: description.clone(),
            ordered: false,
            attempt_limit: 3,
        })
        .collect();
    let (run, _) = site.ledger.create_run(&new).await?;
    chancery_kit::stock(&site.ledger, &run, &site.kek).await?;
    // With the number of its records.
    let run = site.ledger.find_run("default", &run.name).await?;
    sign_unseen(site, &run, 2).await?;
    Ok(run)
}

/// Where the ledger is for a delivery of this run, and as whom.
pub(crate) async fn url_of_delivery(site: &Site, run: &Run) -> anyhow::Result<String> {
    let login = site.ledger.make_delivery_login(run, SESSIONS).await?;
    Ok(site.url.parse::<LedgerUrl>()?.for_login(&login)?)
}

/// Batches per second of a run that is signed before.
async fn delivered(site: &Site, batches: u64) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site.folder())?;
    let work = Work::new("EdDSA", batches * BATCH, 100, BATCH);
    let url = format!("file://{}", folder.path().display());
    let description = json!({"objects": {"url": url, "format": "NDJSON", "layout": "{run}/{batch}.ndjson"}});
    let run = signed(site, work.new_run("brought", &site.kek)?, &[("out", description)]).await?;
    let url = url_of_delivery(site, &run).await?;
    let began = Instant::now();
    let mut delivery = DeliveryProcess::start(&url, &run.name, "bench", &["--senders", "2"], &[])?;
    let mut core = CpuSet::new();
    core.set(0)?;
    sched_setaffinity(Pid::from_raw(delivery.pid()?), &core)?;
    let (code, log) = delivery.ended().await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
    let objects = fs::read_dir(folder.path().join(&run.name))?.count();
    ensure!(
        u64::try_from(objects)? == batches + 1,
        "{objects} objects instead of {batches}, and the manifest"
    );
    site.delete(&run).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok(batches as f64 / seconds)
}
