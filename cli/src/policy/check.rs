//! `chancery policy check`: what is wrong with a policy, and where.

use std::path::Path;

use chancery_api::format;
use chancery_process::Exit;
use serde_json::json;

use super::file::{Compiled, Fault, compile};
use crate::arguments::Output;
use crate::error::CliError;
use crate::output::{facts, line};

pub(super) fn check(file: &Path, output: Output) -> Result<Exit, CliError> {
    match (compile(file)?, output) {
        (Ok(compiled), Output::Table) => {
            let spec = compiled.pinned.spec();
            let rows = [
                ("version", version(&compiled)),
                ("validations", spec.validations.len().to_string()),
                ("scores", spec.scores.len().to_string()),
                ("enrichments", spec.enrichments.len().to_string()),
                ("webhooks", spec.webhooks.len().to_string()),
            ];
            line(&facts(&rows))?;
            line("the policy is good")?;
            Ok(Exit::Done)
        }
        (Ok(compiled), Output::Json) => {
            line(&json!({ "good": true, "version": version(&compiled), "faults": [] }).to_string())?;
            Ok(Exit::Done)
        }
        (Err(faults), output) => {
            tell(&faults, output)?;
            Ok(Exit::BadInput)
        }
    }
}

/// Says what is wrong, a line each.
pub(super) fn tell(faults: &[Fault], output: Output) -> Result<(), CliError> {
    match output {
        Output::Table => faults.iter().try_for_each(|fault| line(&fault.to_string())),
        Output::Json => {
            let faults: Vec<_> = faults.iter().map(Fault::as_json).collect();
            line(&json!({ "good": false, "faults": faults }).to_string())
        }
    }
}

/// What names the version: the beginning of its hash.
pub(super) fn version(compiled: &Compiled) -> String {
    format::version(&compiled.pinned.hash())
}
