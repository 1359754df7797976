//! What was exported, by the libraries that people have for each envelope (`tests/envelopes`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;

use anyhow::Context as _;
use chancery_keyring::Form;
use chancery_kit::Chancery;
use tokio::process::Command;

static SAID: Once = Once::new();

/// The interpreter with the packages, if they are there; else says so in one line, once a process.
fn python() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/envelopes/bin/python");
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

/// What a program of the repository, by its path in it, printed; none where its packages are not there.
pub(crate) async fn program(name: &str, arguments: &[&str]) -> anyhow::Result<Option<String>> {
    let Some(python) = python() else { return Ok(None) };
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = command.output().await?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&ended.stdout), said(&ended.stderr));
    anyhow::ensure!(ended.status.success(), "{name} ended with {}:\n{out}\n{err}", ended.status);
    Ok(Some(out))
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
