//! The most memory that a delivery has, however many records it brings: to a folder, to a service and to a table at the same time.

use std::fs;

use anyhow::ensure;
use chancery_bench::{Bound, Cell, Effort, Figure, Measured, Outcome, Samples, Table};
use chancery_kit::{DeliveryProcess, sink_tables};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::delivery::{signed, url_of_delivery};
use crate::lines_receiver::LinesReceiver;
use crate::signers::peak_memory_mib;
use crate::site::Site;
use crate::work::Work;

const FEW: u64 = 100_000;
const MANY: u64 = 10_000_000;

const BATCH: u64 = 1_000;

/// Of a payload: as many records as can be on a small disk four times.
const PAYLOAD_BYTES: i32 = 16;

/// Of the many, over the few: what the allocator keeps varies by some of it.
const MOST: f64 = 1.25;

/// EdDSA in batches of 1,000, signed before they are brought.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let receiver = LinesReceiver::start().await?;
    let tables = sqlx::raw_sql(AssertSqlSafe(sink_tables()?));
    tables.execute(&mut site.connection().await?).await?;
    let mut table = Table::new(
        "One delivery with one sender for each of three sinks (a folder of NDJSON in gzip, a service, a table of PostgreSQL), batches of 1,000, \
         payloads of 16 bytes:",
        &["records", "records brought/s, to all three", "delivery's peak, MiB"],
    );
    let mut peaks = Vec::new();
    for records in [effort.of(FEW, 10_000), effort.of(MANY, 50_000)] {
        let (seconds, mib) = brought(&site, &receiver, records).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let rate = records as f64 / seconds;
        table.row([Cell::from(records), rate.into(), mib.into()]);
        peaks.push(mib);
    }
    let ratio = Samples::from_iter([peaks[1] / peaks[0]]);
    let title = "peak memory of a delivery of 10 million records / of 100 thousand";
    let figures = vec![Figure::new(title, ratio, Bound::AtMost(MOST))];
    Ok(Outcome { figures, tables: vec![table], ..Outcome::default() })
}

/// Seconds that it took, and the delivery's peak in MiB.
async fn brought(site: &Site, receiver: &LinesReceiver, records: u64) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir_in(site.folder())?;
    let mut new = Work::new("EdDSA", records, 100, BATCH).new_run("brought", &site.kek)?;
    new.input = chancery_store::NewInput::Generated {
        record_count: i64::try_from(records)?,
        record_size: PAYLOAD_BYTES,
    };
    let url = format!("file://{}", folder.path().display());
    let objects = json!({"url": url, "format": "NDJSON", "layout": "{run}/{batch}.ndjson.gz"});
    let sinks = [
        ("folder", json!({"objects": objects})),
        ("service", json!({"http": {"url": receiver.url()}})),
        ("table", json!({"table": {"url": site.url, "table": "public.signed"}})),
    ];
    let run = signed(site, new, &sinks).await?;
    let url = url_of_delivery(site, &run).await?;
    let began = std::time::Instant::now();
    let arguments = ["--log-format", "json"];
    let (code, log) = DeliveryProcess::start(&url, &run.name, "bench", &arguments, &[])?.ended().await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(code == Some(0), "the delivery ended with {code:?}: {log}");
    let objects = u64::try_from(fs::read_dir(folder.path().join(&run.name))?.count())?;
    ensure!(objects == records.div_ceil(BATCH) + 1, "{objects} objects of {records} records");
    let lines = receiver.take_lines();
    ensure!(lines == records, "{lines} of {records} records came over HTTP");
    let missing = site.number(&format!("SELECT {records} - count(*) FROM public.signed")).await?;
    ensure!(missing == 0.0, "{missing} of {records} records are not in the table");
    site.execute("TRUNCATE public.signed, public.signed_manifests").await?;
    site.delete(&run).await?;
    let mib = peak_memory_mib(&log);
    ensure!(mib > 0.0, "the delivery says nothing of its memory: {log}");
    Ok((seconds, mib))
}
