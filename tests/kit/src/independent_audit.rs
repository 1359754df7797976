//! The audit program that shares no code with the project (`tests/independent_audit`).

use anyhow::Context as _;
use serde::Deserialize;

use crate::independent_programs::{Finished, independent_program};

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
    let arguments = ["--json", "--namespace", namespace, "--database-url", url, what[0], what[1]];
    let Some(Finished { code, stdout, stderr }) = independent_program("audit", &arguments).await? else {
        return Ok(None);
    };
    anyhow::ensure!(matches!(code, 0 | 1), "the independent audit ended with {code}: {stderr}");
    let report: IndependentReport = serde_json::from_str(&stdout).context("its report is no JSON")?;
    anyhow::ensure!(
        report.holds == (code == 0) && report.holds == report.violations.is_empty(),
        "its exit code and its report do not agree: {report:?}"
    );
    Ok(Some(report))
}
