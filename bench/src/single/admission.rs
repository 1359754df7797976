//! Admission of lines of one's own, by the very program that reads them, against binary COPY of the same rows into tables
//! with the same indexes; and the same lines judged by a policy of ten rules, against without. Nobody signs meanwhile.

use std::fs;
use std::time::Instant;

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_policy::Pinned;
use chancery_store::{NewPolicy, Run};
use futures::future::try_join_all;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPoolCopyExt;

use crate::site::Site;
use crate::taken::{Taken, create, create_judged, line, take_in};
use crate::work::Work;

/// Sessions that copy at the same time, as many as the intake has readers.
const SESSIONS: usize = 2;

/// Bytes sent at a time.
const CHUNK: usize = 1 << 20;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let records = effort.of(1_000_000, 10_000);
    let folder = site.folder().join("lines");
    fs::create_dir(&folder)?;
    let lines: Vec<String> = (0..records).map(line).collect();
    fs::write(folder.join("lines.ndjson"), lines.join("\n"))?;
    let work = Work::new("EdDSA", 1, 1, 1_000);
    let (mut ratio, mut memory, mut judged) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..effort.pairs {
        let run = create(&site, "copied", &work, &folder, "NDJSON").await?;
        let each = lines.len().div_ceil(SESSIONS);
        let parts = lines.chunks(each).enumerate();
        let parts: Vec<_> =
            parts.map(|(part, lines)| rows(&run, part * each, lines)).collect::<Result<_, _>>()?;
        let began = Instant::now();
        try_join_all(parts.iter().map(|part| copy(&site, &run, part))).await?;
        let copied = began.elapsed().as_secs_f64();
        site.delete(&run).await?;

        let run = create(&site, "admitted", &work, &folder, "NDJSON").await?;
        let Taken { seconds, mib } = take_in(&site, &run, records).await?;
        site.delete(&run).await?;
        ratio.add(copied / seconds);
        memory.add(mib);

        let run = create_judged(&site, "judged", &work, &folder, "NDJSON", Some(ten_rules()?)).await?;
        let with_policy = take_in(&site, &run, records).await?;
        site.delete(&run).await?;
        judged.add(seconds / with_policy.seconds);
        memory.add(with_policy.mib);
    }
    let figures = vec![
        Figure::new("lines of 256 bytes admitted per second / copied", ratio, Bound::AtLeast(0.5)),
        Figure::new("the same judged by ten rules / without a policy", judged, Bound::AtLeast(0.5)),
        Figure::new("MiB of the intake", memory, Bound::AtMost(64.0)),
    ];
    Ok(Outcome { figures, ..Outcome::default() })
}

/// A policy with rules of the kinds of the examples, of which none hits.
fn ten_rules() -> anyhow::Result<NewPolicy> {
    let rule = |(number, expression): (usize, &str)| serde_json::json!({"name": format!("rule-{number}"), "expression": expression, "message": "no"});
    let rules = [
        "record.number >= 0",
        "double(record.number) < 1e12",
        "size(record.text) > 10",
        "record.text.startsWith('x')",
        "!(record.text in ['', 'none', 'unknown'])",
        "has(record.number) && has(record.text)",
        "!record.text.matches('[0-9]{13,19}')",
        "record.number % 2 == 0 || record.number % 2 == 1",
    ];
    let spec = serde_json::json!({
        "schema": {"type": "object", "required": ["number", "text"]},
        "validations": rules.into_iter().enumerate().map(rule).collect::<Vec<_>>(),
        "scores": [
            {"name": "large", "expression": "record.number > 1000000000", "points": 40},
            {"name": "empty", "expression": "record.text == ''", "points": 60},
        ],
        "thresholds": {"flag": 50, "reject": 90},
    });
    let pinned = Pinned::from_text(&serde_json::json!({"spec": spec, "tables": {}}).to_string())?;
    Ok(NewPolicy { name: "ten-rules".to_owned(), text: pinned.text().to_owned() })
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
