//! What was exported, by the libraries that people have for each envelope (`tests/envelopes`), and by the Python of the page about them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Once;

use anyhow::Context as _;
use chancery_keyring::Form;
use chancery_kit::Chancery;
use serde_json::Value;
use tokio::process::Command;

static SAID: Once = Once::new();

/// The interpreter with the packages, if they are there; else says so in one line, once a process.
fn python() -> Option<PathBuf> {
    let found = project(".tools/envelopes/bin/python");
    if found.exists() {
        return Some(found);
    }
    SAID.call_once(|| {
        // Past the capture of the test harness, which would hide it.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: envelopes by PyJWT, pycose, securesystemslib and eth_account, which are not there (scripts/setup.sh --envelopes)"
        );
    });
    None
}

/// A path from the repository.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs it to its end: what it printed on both streams.
async fn ended(command: &mut Command) -> anyhow::Result<(ExitStatus, [String; 2])> {
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
    let ended = command.output().await?;
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((ended.status, said))
}

/// What a program of the repository, by its path in it, printed; none where its packages are not there.
pub(crate) async fn program(name: &str, arguments: &[&str]) -> anyhow::Result<Option<String>> {
    let Some(python) = python() else { return Ok(None) };
    let (status, [out, err]) = ended(Command::new(python).arg(project(name)).args(arguments)).await?;
    anyhow::ensure!(status.success(), "{name} ended with {status}:\n{out}\n{err}");
    Ok(Some(out))
}

/// The lines of Python that the page about envelopes has, those that begin by importing `modules`.
pub(crate) fn of_the_page(modules: &str) -> anyhow::Result<String> {
    let page = fs::read_to_string(project("docs/operating/envelopes.md"))?;
    let blocks = page.split("```python\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let mut found = blocks.map(|(block, _)| block).filter(|block| block.starts_with(modules));
    found.next().map(str::to_owned).with_context(|| format!("no Python begins with {modules}"))
}

/// Runs those lines beside what was exported, as readers of the page do; and beside what was altered, of which they say `refused`.
pub(crate) async fn verify_by_the_page(
    chancery: &Chancery,
    (modules, refused): (&str, &str),
    signed: &str,
    jwks: &str,
) -> anyhow::Result<()> {
    let lines = of_the_page(modules)?;
    let Some(python) = python() else { return Ok(()) };
    chancery.write("jwks.json", jwks)?;
    let file = chancery.write("page.py", &lines)?;
    let other = altered(signed)?;
    for (signed, is_true) in [(signed, true), (other.as_str(), false)] {
        chancery.write("signed.ndjson", signed)?;
        let mut command = Command::new(&python);
        let (status, [out, err]) = ended(command.arg(&file).current_dir(chancery.folder())).await?;
        anyhow::ensure!(status.success() == is_true, "{lines} ended with {status}:\n{out}\n{err}");
        anyhow::ensure!(err.contains(refused) != is_true, "{lines}:\n{err}");
    }
    Ok(())
}

/// The first line, with another signature in its envelope, which ends with that.
fn altered(signed: &str) -> anyhow::Result<String> {
    let mut line: Value = serde_json::from_str(signed.lines().next().context("a line")?)?;
    let envelope = line["envelope"].as_str().context("a finished envelope")?;
    let (start, end) = envelope.split_at_checked(envelope.len() - 12).context("a text of ASCII")?;
    let other = if end.starts_with('0') { '1' } else { '0' };
    line["envelope"] = format!("{start}{other}{}", &end[1..]).into();
    Ok(format!("{line}\n"))
}

/// Has each line checked.
pub(crate) async fn verify(chancery: &Chancery, form: &Form, signed: &str, jwks: &str) -> anyhow::Result<()> {
    let signed = chancery.write("signed.ndjson", signed)?;
    let jwks = chancery.write("jwks.json", jwks)?;
    let [signed, jwks] = [&signed, &jwks].map(|path| path.to_str());
    let (signed, jwks) = signed.zip(jwks).context("a path that is no text")?;
    let arguments = [signed, jwks, form.envelope().name(), form.content_type().unwrap_or("-")];
    if let Some(told) = program("tests/envelopes/check.py", &arguments).await? {
        assert_eq!(told.trim(), "23 true", "{form:?}");
    }
    Ok(())
}
