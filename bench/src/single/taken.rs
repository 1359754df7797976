//! Runs whose records are taken in from files, by the very program that reads them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use chancery_kit::program;
use chancery_sources::objects::{Described, DescribedObjects};
use chancery_store::{DeadLetter, Idempotency, NewInput, NewPolicy, Run, SourceOfRun, Sources};
use tokio::process::Command;

use crate::signers::peak_memory_mib;
use crate::site::Site;
use crate::work::Work;

/// Bytes of a line, without its end.
const LINE: usize = 256;

/// Sessions that the login of the intake may have.
const LOGIN_SESSIONS: u32 = 16;

/// A run that reads the files of a folder, with the keys and the batches of the work.
pub(crate) async fn create(
    site: &Site,
    name: &str,
    work: &Work,
    folder: &Path,
    format: &str,
) -> anyhow::Result<Run> {
    create_judged(site, name, work, folder, format, None).await
}

/// The same, judged by a policy.
pub(crate) async fn create_judged(
    site: &Site,
    name: &str,
    work: &Work,
    folder: &Path,
    format: &str,
    policy: Option<NewPolicy>,
) -> anyhow::Result<Run> {
    let description = Described::Objects(DescribedObjects {
        objects: serde_json::from_value(serde_json::json!({"url": format!("file://{}", folder.display())}))?,
        format: serde_json::from_value(serde_json::json!({"type": format}))?,
    });
    let mut new = work.new_run(name, &site.kek)?;
    new.input = NewInput::Sources(Sources {
        sources: vec![SourceOfRun {
            name: "files".to_owned(),
            description: serde_json::to_value(description)?,
            confirm: false,
        }],
        idempotency: Idempotency::Content,
        digest_window: Duration::ZERO,
        record_limit: None,
        dead_letter: DeadLetter { limit: 0, retention: Duration::from_secs(3600) },
    });
    new.policy = policy;
    Ok(site.ledger.create_run(&new).await?.0)
}

/// What taking a run in came to.
pub(crate) struct Taken {
    /// From the start of the program to its end.
    pub(crate) seconds: f64,
    /// The most memory that it had.
    pub(crate) mib: f64,
}

/// Has all of it read, of which each is a record.
pub(crate) async fn take_in(site: &Site, run: &Run, records: u64) -> anyhow::Result<Taken> {
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
    let progress = site.ledger.progress(&[run.id]).await?;
    let all = progress.iter().all(|run| run.sealed && run.records_admitted.unsigned_abs() == records);
    ensure!(all, "not everything was admitted: {progress:?}");
    Ok(Taken { seconds, mib: peak_memory_mib(&log) })
}

/// A line of JSON of 256 bytes.
pub(crate) fn line(number: u64) -> String {
    let mut line = format!("{{\"number\":{number},\"text\":\"");
    while line.len() < LINE - 2 {
        line.push('x');
    }
    line + "\"}"
}

/// Writes these lines into a file.
pub(crate) fn write_lines(file: &Path, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}
