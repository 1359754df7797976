//! The Helm command line, and this project's chart.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

const MISSING: &str = "no helm in .tools/bin or PATH, so the chart is not rendered (scripts/setup.sh --helm)";

static SAID: Once = Once::new();

/// The real `helm`.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
}

impl Helm {
    /// The one that `scripts/setup.sh --helm` installed, else the one in `PATH`. Without any, says so
    /// in one line, once a process.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = std::iter::once(project().join(".tools/bin"))
            .chain(env::split_paths(&path))
            .map(|folder| folder.join("helm"))
            .find(|program| program.is_file());
        if found.is_none() {
            SAID.call_once(|| {
                // Past the capture of the test harness, which would hide it.
                let _ = writeln!(std::io::stdout(), "skipped: {MISSING}");
            });
        }
        found.map(|program| Self { program })
    }

    /// A command of it that knows no cluster, unless the caller names one with `--kubeconfig`.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_remove("KUBECONFIG").env_remove("HELM_NAMESPACE");
        command
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// The chart's folder.
#[must_use]
pub fn chart() -> PathBuf {
    project().join("charts/chancery")
}

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
