//! From a file to a policy that judges, or to what is wrong with it and where.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use chancery_api::{LookupSpec, ManifestError, PolicyFile, SigningPolicy};
use chancery_policy::{Finding, Pinned, Policy, Tables};

use crate::error::CliError;

/// A policy that is compiled, and its version.
pub(crate) struct Compiled {
    pub(crate) pinned: Pinned,
    pub(crate) policy: Policy,
}

/// One thing that is wrong with a file.
#[derive(Debug)]
pub(crate) struct Fault {
    path: PathBuf,
    line: u64,
    column: u64,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let Self { path, line, column, message } = self;
        serde_json::json!({ "file": path, "line": line, "column": column, "message": message })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, self.message)
    }
}

/// Reads the policy of a file; `-` stands for standard input.
///
/// What is wrong within it is no error of this call, but what it yields.
pub(crate) fn compile(path: &Path) -> Result<Result<Compiled, Vec<Fault>>, CliError> {
    let unreadable = |reason| CliError::PolicyFile { path: path.to_owned(), reason };
    let text = text(path).map_err(unreadable)?;
    let invalid = |reason| CliError::Manifest { path: path.to_owned(), reason };
    let file = match PolicyFile::read(&text) {
        Ok(file) => file,
        Err(ManifestError::Syntax { line: Some(line), column, message }) => {
            let message = format!("this is not valid YAML: {message}");
            let column = column.unwrap_or(1);
            return Ok(Err(vec![Fault { path: path.to_owned(), line, column, message }]));
        }
        Err(reason) => return Err(invalid(reason)),
    };
    let placed = |path_in_file: &str, message: String| {
        let place = file.place(path_in_file);
        let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
        Fault { path: path.to_owned(), line, column, message }
    };
    let policy = match file.policy() {
        Ok(policy) => policy,
        Err(ManifestError::Invalid(problems)) => {
            let faults = problems.iter().map(|problem| placed(&problem.path, problem.to_string()));
            return Ok(Err(sorted(faults.collect())));
        }
        Err(reason) => return Err(invalid(reason)),
    };
    let tables = tables(&policy, file.config_maps().map_err(invalid)?);
    let compiled = Pinned::new(policy.spec, tables)
        .map_err(|error| vec![placed("spec", format!("spec: {error}"))])
        .and_then(|pinned| match Policy::compile(&pinned) {
            Ok(policy) => Ok(Compiled { pinned, policy }),
            Err(findings) => {
                let fault = |finding: &Finding| placed(&finding.path, finding.to_string());
                Err(sorted(findings.iter().map(fault).collect()))
            }
        });
    Ok(compiled)
}

/// The file as text.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    if path != Path::new("-") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The tables that the policy reads, of the ConfigMaps that are in the same file.
fn tables(policy: &SigningPolicy, maps: BTreeMap<String, BTreeMap<String, String>>) -> Tables {
    let mut tables = Tables::new();
    for LookupSpec { name, config_map_ref, query: _ } in &policy.spec.lookups {
        if let Some(data) = config_map_ref.as_ref().and_then(|config_map| maps.get(&config_map.name)) {
            tables.insert(name.clone(), data.clone());
        }
    }
    tables
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}
