//! Lines of one's own that a webhook judges which takes 50 ms for each call, against what its concurrency and the records of a call allow.

use std::fs;
use std::time::Duration;

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_kit::{Conduct, WebhookServer};
use chancery_policy::Pinned;
use chancery_store::NewPolicy;
use serde_json::json;

use crate::site::Site;
use crate::taken::{create_judged, line, take_in};
use crate::work::Work;

/// What a call takes.
const CALL: Duration = Duration::from_millis(50);

/// Calls at a time, and for how many seconds of the webhook's work there are lines.
const CONCURRENCY: u64 = 4;
const SECONDS: u64 = 10;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let webhook = WebhookServer::saying(|_| json!({"score": 0})).await?;
    webhook.conduct(Conduct::AnswersAfter(CALL));
    let work = Work::new("EdDSA", 1, 1, 1_000);
    let mut figures = Vec::new();
    for (batch, wanted) in [(10, 0.8), (100, 0.8)] {
        let each_second = CONCURRENCY * batch * 20;
        let records = effort.of(each_second * SECONDS, each_second);
        let folder = site.folder().join(format!("lines-{batch}"));
        fs::create_dir(&folder)?;
        fs::write(folder.join("lines.ndjson"), (0..records).map(line).collect::<Vec<_>>().join("\n"))?;
        let mut ratio = Samples::default();
        for _ in 0..effort.pairs {
            let policy = policy(&webhook, batch)?;
            let run = create_judged(&site, "asked", &work, &folder, "NDJSON", Some(policy)).await?;
            let taken = take_in(&site, &run, records).await?;
            site.delete(&run).await?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            ratio.add(records as f64 / taken.seconds / each_second as f64);
        }
        let title = format!(
            "lines judged per second by a webhook of 50 ms, {CONCURRENCY} calls of {batch} at a time / {each_second}"
        );
        figures.push(Figure::new(&title, ratio, Bound::AtLeast(wanted)));
    }
    Ok(Outcome { figures, ..Outcome::default() })
}

fn policy(webhook: &WebhookServer, batch: u64) -> anyhow::Result<NewPolicy> {
    let spec = json!({
        "webhooks": [{"name": "model", "url": webhook.url(), "adds": "score", "batch": batch, "concurrency": CONCURRENCY}],
        "thresholds": {"reject": 10},
    });
    let pinned = Pinned::from_text(&json!({"spec": spec, "tables": {}}).to_string())?;
    Ok(NewPolicy { name: "asked".to_owned(), text: pinned.text().to_owned() })
}
