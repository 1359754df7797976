//! Admission of lines of one's own, by the very program that reads them, against binary COPY of the same rows into tables
//! with the same indexes. Nobody signs meanwhile.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use anyhow::ensure;
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_kit::program;
use chancery_sources::objects::{Described, DescribedObjects};
use chancery_store::{DeadLetter, Idempotency, NewInput, Run, SourceOfRun, Sources};
use futures::future::try_join_all;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPoolCopyExt;
use tokio::process::Command;

use crate::signers::peak_memory_mib;
use crate::site::Site;
use crate::work::Work;

/// Bytes of a line, without its end.
const LINE: usize = 256;

/// Sessions that copy at the same time, as many as the intake has readers.
const SESSIONS: usize = 2;

/// Bytes sent at a time.
const CHUNK: usize = 1 << 20;

/// Sessions that the login of the intake may have.
const LOGIN_SESSIONS: u32 = 16;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let records = effort.of(1_000_000, 10_000);
    let folder = site.folder().join("lines");
    fs::create_dir(&folder)?;
    let lines: Vec<String> = (0..records).map(line).collect();
    fs::write(folder.join("lines.ndjson"), lines.join("\n"))?;
    let (mut ratio, mut memory) = (Samples::default(), Samples::default());
    for _ in 0..effort.pairs {
        let run = create(&site, "copied", &folder).await?;
        let each = lines.len().div_ceil(SESSIONS);
        let parts = lines.chunks(each).enumerate();
        let parts: Vec<_> =
            parts.map(|(part, lines)| rows(&run, part * each, lines)).collect::<Result<_, _>>()?;
        let began = Instant::now();
        try_join_all(parts.iter().map(|part| copy(&site, &run, part))).await?;
        let copied = began.elapsed().as_secs_f64();
        site.delete(&run).await?;

        let run = create(&site, "admitted", &folder).await?;
        let (admitted, mib) = take_in(&site, &run).await?;
        let progress = site.ledger.progress(&[run.id]).await?;
        let all = progress.iter().all(|run| run.sealed && run.records_admitted.unsigned_abs() == records);
        ensure!(all, "not everything was admitted: {progress:?}");
        site.delete(&run).await?;
        ratio.add(copied / admitted);
        memory.add(mib);
    }
    let figures = vec![
        Figure::new("lines of 256 bytes admitted per second / copied", ratio, Bound::AtLeast(0.5)),
        Figure::new("MiB of the intake", memory, Bound::AtMost(64.0)),
    ];
    Ok(Outcome { figures, ..Outcome::default() })
}

async fn create(site: &Site, name: &str, folder: &std::path::Path) -> anyhow::Result<Run> {
    let description = Described::Objects(DescribedObjects {
        objects: serde_json::from_value(serde_json::json!({"url": format!("file://{}", folder.display())}))?,
        format: serde_json::from_value(serde_json::json!({"type": "NDJSON"}))?,
    });
    let mut new = Work::new("EdDSA", 1, 1, 1_000).new_run(name, &site.kek)?;
    new.input = NewInput::Sources(Sources {
        sources: vec![SourceOfRun {
            name: "lines".to_owned(),
            description: serde_json::to_value(description)?,
        }],
        idempotency: Idempotency::Content,
        digest_window: std::time::Duration::ZERO,
        record_limit: None,
        dead_letter: DeadLetter { limit: 0, retention: std::time::Duration::from_secs(3600) },
    });
    Ok(site.ledger.create_run(&new).await?.0)
}

/// Seconds from the start of the program to its end, and the most memory that it had.
async fn take_in(site: &Site, run: &Run) -> anyhow::Result<(f64, f64)> {
    let login = site.ledger.make_intake_login(run, LOGIN_SESSIONS).await?;
    let began = Instant::now();
    let ended = Command::new(program("chancery-intake"))
        .args(["--log-format", "json", "--run", &run.name, "--holder", "bench"])
        .env("DATABASE_URL", site.ledger.url().for_login(&login)?)
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await?;
    let seconds = began.elapsed().as_secs_f64();
    let log = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(ended.status.success(), "the intake failed: {log}");
    Ok((seconds, peak_memory_mib(&log)))
}

fn line(number: u64) -> String {
    let mut line = format!("{{\"number\":{number},\"text\":\"");
    while line.len() < LINE - 2 {
        line.push('x');
    }
    line + "\"}"
}

/// What is copied: rows of records, and rows of digests.
struct Rows {
    records: Vec<u8>,
    digests: Vec<u8>,
}

/// Rows as COPY reads them ([the format](https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4)).
fn rows(run: &Run, before: usize, lines: &[String]) -> anyhow::Result<Rows> {
    let mut rows = Rows { records: header(), digests: header() };
    for (place, line) in lines.iter().enumerate() {
        let record = i64::try_from(before + place + 1)?.to_be_bytes();
        let digest: [u8; 32] = Sha256::digest(line).into();
        let (one, run_id) = (1_i32.to_be_bytes(), run.id.to_be_bytes());
        row(&mut rows.records, &[&record, &run_id, line.as_bytes(), &digest, &one, &one, &record])?;
        row(&mut rows.digests, &[&digest, &record, &run.keyring.id.to_be_bytes(), &run_id])?;
    }
    for bytes in [&mut rows.records, &mut rows.digests] {
        bytes.extend((-1_i16).to_be_bytes());
    }
    Ok(rows)
}

fn header() -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0".to_vec();
    bytes.extend([0; 8]);
    bytes
}

fn row(bytes: &mut Vec<u8>, fields: &[&[u8]]) -> anyhow::Result<()> {
    bytes.extend(i16::try_from(fields.len())?.to_be_bytes());
    for field in fields {
        bytes.extend(i32::try_from(field.len())?.to_be_bytes());
        bytes.extend(*field);
    }
    Ok(())
}

async fn copy(site: &Site, run: &Run, rows: &Rows) -> anyhow::Result<()> {
    let records = format!(
        "COPY chancery.records_{} (record, run_id, payload, digest, source, split, position)",
        run.id
    );
    let digests = format!("COPY chancery.digests_{} (digest, record, keyring_id, run_id)", run.keyring.id);
    for (into, bytes) in [(records, &rows.records), (digests, &rows.digests)] {
        let statement = format!("{into} FROM STDIN (FORMAT binary)");
        let mut copying = site.ledger.pool().copy_in_raw(&statement).await?;
        for chunk in bytes.chunks(CHUNK) {
            copying.send(chunk).await?;
        }
        copying.finish().await?;
    }
    Ok(())
}
