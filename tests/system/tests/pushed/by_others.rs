//! The API by programs that others have written: one that makes requests from its OpenAPI document, and an SDK.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;

use tokio::process::Command;

use crate::client::{Api, DEMO};
use crate::{Site, manifest};

static SAID: Once = Once::new();

/// A program of the packages, if they are there; else says so in one line, once a process.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = project.join(".tools/http-api/bin").join(program);
    if found.exists() {
        return Some(found);
    }
    SAID.call_once(|| {
        // Past the capture of the test harness, which would hide it.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: the API by Schemathesis, the CloudEvents SDK and PyJWT, which are not there (scripts/setup.sh --schemathesis)"
        );
    });
    None
}

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../http_api").join(name)
}

/// Runs it to its end, where it may leave files behind.
pub(crate) async fn done(mut command: Command, api: &Api) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    command.current_dir(folder.path()).env("TOKEN", &api.token).env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&ended.stdout), said(&ended.stderr));
    anyhow::ensure!(ended.status.success(), "it ended with {}:\n{out}\n{err}", ended.status);
    Ok(out)
}

/// Asks for what the document says that can be asked for, and for what it says that cannot.
async fn fuzz(api: &Api, more: &[&str]) -> anyhow::Result<()> {
    let Some(program) = installed("schemathesis") else { return Ok(()) };
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(file("schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", api.address), "--no-color"])
        .args([
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            "25",
            "--seed",
            "17",
            "--no-shrink",
        ])
        .args(more);
    done(command, api).await.map(|_said| ())
}

#[tokio::test]
async fn the_api_does_what_its_document_says() -> anyhow::Result<()> {
    let site = Site::with(&manifest().with("keyringRef", "{name: ring}")).await?;
    let api = site.served.api.clone();
    api.push("?wait=60", "1\nno\n2\n").await?.expect(200)?;
    // A run is open until it is sealed.
    fuzz(&api, &["--exclude-operation-id", "sealRun"]).await?;
    api.seal().await?.expect(200)?;
    api.get(&format!("{DEMO}/events")).await?.expect(200)?;
    // Each redrive would be a run.
    fuzz(&api, &["--exclude-operation-id", "redriveDeadLetters"]).await?;
    assert!(site.end().await?["signed"].as_i64() >= Some(2));
    Ok(())
}

#[tokio::test]
async fn events_of_an_sdk_come_back_as_they_were_sent_whatever_their_mode() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    let mut sent = 0;
    if let Some(python) = installed("python") {
        let mut command = Command::new(python);
        command.arg(file("send_events.py")).arg(format!("http://{}{DEMO}", api.address));
        sent = done(command, &api).await?.trim().parse()?;
        assert_eq!(sent, 8);
    }
    assert_eq!(api.seal().await?.expect(200)?.json()?["records"], sent);
    assert_eq!(site.end().await?["signed"], sent);
    Ok(())
}
