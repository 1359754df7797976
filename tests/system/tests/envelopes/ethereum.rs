//! What was signed for Ethereum, by a development chain: its precompile `ecrecover` finds the address.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;

use anyhow::Context as _;
use chancery_kit::Chancery;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::by_others::{of_the_page, program};

static SAID: Once = Once::new();

/// How the Python of the page begins that checks a message, and what it says of one that was altered.
pub(crate) const PYTHON: (&str, &str) = ("import base64, json; from eth_account", "AssertionError");

/// A chain of its own, which ends when it is dropped.
struct Chain {
    rpc: String,
    _process: Child,
}

/// Anvil, if it is there; else says so in one line, once a process.
fn anvil() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/anvil/anvil");
    if found.exists() {
        return Some(found);
    }
    SAID.call_once(|| {
        // Past the capture of the test harness, which would hide it.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: recovery of addresses by the chain Anvil, which is not there (scripts/setup.sh --anvil)"
        );
    });
    None
}

async fn start(anvil: &Path) -> anyhow::Result<Chain> {
    let mut command = Command::new(anvil);
    // Port 0 is any that is free; it says which.
    command.args(["--port", "0", "--accounts", "1"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(process.stdout.take().context("its output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix("Listening on ") {
            let rpc = format!("http://{address}");
            // It would end when nobody reads what it says of each call.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(Chain { rpc, _process: process });
        }
    }
    anyhow::bail!("anvil ended before it listened")
}

pub(crate) async fn recovered_by_a_chain(chancery: &Chancery, signed: &str) -> anyhow::Result<()> {
    let Some(anvil) = anvil() else { return Ok(()) };
    let chain = start(&anvil).await?;
    let file = chancery.write("messages.ndjson", signed)?;
    let file = file.to_str().context("a path that is no text")?;
    if let Some(told) = program("examples/ethereum_on_chain.py", &[&chain.rpc, file]).await? {
        assert_eq!(told.trim(), "23 recovered");
    }
    Ok(())
}

#[test]
fn the_example_has_the_python_of_the_page() -> anyhow::Result<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ethereum.yaml");
    let comment: String = of_the_page(PYTHON.0)?.lines().map(|line| format!("#   {line}\n")).collect();
    let example = std::fs::read_to_string(example)?;
    assert!(example.contains(&comment), "{comment}");
    Ok(())
}
