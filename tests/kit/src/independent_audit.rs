//! The audit program that shares no code with the project (`tests/independent_audit`).

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Once;

use anyhow::Context as _;
use serde::Deserialize;
use tokio::process::Command;

use crate::helm::project;

/// What the independent audit found.
#[derive(Clone, Debug, Deserialize)]
pub struct IndependentReport {
    /// Whether every law holds.
    pub holds: bool,
    /// The violations; of each law at most the first hundred.
    pub violations: Vec<IndependentViolation>,
}

/// One thing that does not hold.
#[derive(Clone, Debug, Deserialize)]
pub struct IndependentViolation {
    /// Number of the law.
    pub law: u8,
    /// What it is about: `record 17`, `lease 5`.
    pub place: String,
    /// The same and what is wrong with it.
    pub sentence: String,
}

/// Audits a run with the independent program. None, and one line that says so, where its packages are
/// not installed (`scripts/setup.sh --independent-audit`, which `make test` tries).
///
/// # Errors
///
/// When the program could not make its audit.
pub async fn independent_audit(
    url: &str,
    namespace: &str,
    name: &str,
) -> anyhow::Result<Option<IndependentReport>> {
    audit_of(url, namespace, ["--run", name]).await
}

/// Audits a keyring with the independent program; see [`independent_audit`].
///
/// # Errors
///
/// When the program could not make its audit.
pub async fn independent_keyring_audit(
    url: &str,
    namespace: &str,
    name: &str,
) -> anyhow::Result<Option<IndependentReport>> {
    audit_of(url, namespace, ["--keyring", name]).await
}

async fn audit_of(url: &str, namespace: &str, what: [&str; 2]) -> anyhow::Result<Option<IndependentReport>> {
    let project = project();
    let python = project.join(".tools/independent-audit/bin/python");
    if !python.is_file() {
        say_skipped();
        return Ok(None);
    }
    let ended = Command::new(python)
        // Nothing is to be left in the project's folders.
        .arg("-B")
        .arg(project.join("tests/independent_audit/audit.py"))
        .args(["--json", "--namespace", namespace, "--database-url", url])
        .args(what)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    anyhow::ensure!(
        matches!(ended.status.code(), Some(0 | 1)),
        "the independent audit ended with {}: {said}",
        ended.status
    );
    let report: IndependentReport = serde_json::from_slice(&ended.stdout).context("its report is no JSON")?;
    anyhow::ensure!(
        report.holds == ended.status.success() && report.holds == report.violations.is_empty(),
        "its exit code and its report do not agree: {report:?}"
    );
    Ok(Some(report))
}

fn say_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Past the capture of the test harness, which would hide it.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: the independent audit, whose packages are not installed \
             (scripts/setup.sh --independent-audit)"
        );
    });
}
