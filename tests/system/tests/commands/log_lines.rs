//! What programs write to their logs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::Stdio;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, eventually, program};
use chancery_process::create_kek_file;
use serde_json::{Value, json};
use tokio::process::Command;

/// The lines that are there so far.
fn lines(log: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A port to which nobody listens.
fn closed_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[tokio::test]
async fn an_api_server_that_is_away_is_told_of_once_with_its_url_and_the_whole_cause() -> anyhow::Result<()> {
    const TRIED: &str = "the Lease cannot be acquired";
    let ledger = TestLedger::new().await?;
    let folder = tempfile::tempdir()?;
    let [kek, kubeconfig, log] = ["kek", "kubeconfig", "log"].map(|name| folder.path().join(name));
    create_kek_file(&kek)?;
    let server = format!("https://127.0.0.1:{}/", closed_port()?);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    });
    fs::write(&kubeconfig, config.to_string())?;
    // As a chart's `logs.level: info`, and what is not said again besides.
    let _operator = Command::new(program("chancery-operator"))
        .env_clear()
        .env("RUST_LOG", "info,chancery_operator=debug")
        .env("KUBECONFIG", &kubeconfig)
        .env("DATABASE_URL", &ledger.url)
        .env("CHANCERY_KEK_FILE", &kek)
        .env("CHANCERY_LOG_FORMAT", "json")
        .env("CHANCERY_LISTEN", "127.0.0.1:0")
        .env("CHANCERY_LISTEN_FOR_PROBES", "127.0.0.1:0")
        .env("CHANCERY_SIGNER_IMAGE", "signer")
        .env("CHANCERY_INTAKE_IMAGE", "intake")
        .env("CHANCERY_DELIVERY_IMAGE", "delivery")
        .env("POD_NAMESPACE", "chancery")
        .stderr(File::create(&log)?)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let says = |line: &Value, words: &str| line["message"].as_str().is_some_and(|said| said.contains(words));
    eventually("it has tried three times", async || {
        lines(&log).iter().filter(|line| says(line, TRIED)).count() >= 3
    })
    .await;
    let loud: Vec<Value> =
        lines(&log).into_iter().filter(|line| line["level"] == "WARN" || line["level"] == "ERROR").collect();
    let [line] = loud.as_slice() else { anyhow::bail!("one line is enough: {loud:?}") };
    assert!(says(line, TRIED) && line["api_server"] == server.as_str(), "{line}");
    let cause = line["error"].as_str().unwrap_or_default();
    assert!(cause.contains("Connect") && cause.contains("refused"), "the whole chain: {line}");
    Ok(())
}

#[tokio::test]
async fn a_line_names_its_spans_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let file = chancery.write("manifest.yaml", &Manifest::new().to_string())?;
    let arguments = ["run", "--file", &file.to_string_lossy(), "--log-format", "json"];
    let signing = chancery.command(&arguments).env("RUST_LOG", "debug").spawn()?;
    let ended = Ended::of(signing).await?.expect_code(0)?;
    let told: Vec<Value> = ended.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let has_spans = |line: &&Value| line["spans"].as_array().is_some_and(|spans| !spans.is_empty());
    assert!(told.iter().filter(has_spans).count() > 0, "signers tell of batches: {}", ended.stderr);
    assert!(told.iter().all(|line| line["span"].is_null()), "{}", ended.stderr);
    // A batch that is signed names the library that signed it, as the ledger has it.
    let named: BTreeSet<_> =
        told.iter().filter(|line| line["message"] == "signed").map(|line| line["library"].as_str()).collect();
    let kept: Vec<String> = sqlx::query_scalar("SELECT DISTINCT library::text FROM chancery.batches")
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert!(
        !kept.is_empty() && named == kept.iter().map(|name| Some(name.as_str())).collect(),
        "{named:?}, not {kept:?}"
    );
    Ok(())
}
