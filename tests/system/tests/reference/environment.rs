//! `docs/reference/environment.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::help::commands;
use crate::page::rows;

const PAGE: &str = include_str!("../../../../docs/reference/environment.md");

/// How source names a variable that it reads: what stands before the name.
const READS: [&str; 4] = ["env::var(\"", "env::var_os(\"", "env = \"", "const VARIABLE: &str = \""];

/// How the settings of OTLP are read: each under two names, of which this is the end.
const OTLP: &str = "setting(\"";

/// Calls whose variable is no literal: the tests below know by other means what they read.
const BY_NAME: [&str; 3] = ["env::var(VARIABLE)", "env::var(name)", "env::var_os(name)"];

/// Every source file of the programs and of the libraries, apart from their tests.
fn sources() -> anyhow::Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace")?;
    let mut folders: Vec<PathBuf> = ["cli", "delivery", "gateway", "intake", "signer-job", "operator"]
        .map(|name| root.join(name))
        .to_vec();
    for library in fs::read_dir(root.join("lib"))? {
        folders.push(library?.path());
    }
    let mut folders: Vec<PathBuf> = folders.into_iter().map(|folder| folder.join("src")).collect();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.extend((!path.ends_with("tests")).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(fs::read_to_string(&path)?);
            }
        }
    }
    Ok(texts)
}

/// The literals that follow a text.
fn literals<'a>(source: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    source.match_indices(before).filter_map(move |(at, _)| source[at + before.len()..].split('"').next())
}

/// Every variable that the source reads by name. `RUST_LOG` is read by `try_from_default_env`.
fn read_by_source() -> anyhow::Result<BTreeSet<String>> {
    let mut variables = BTreeSet::new();
    for source in sources()? {
        variables.extend(READS.iter().flat_map(|before| literals(&source, before)).map(str::to_owned));
        for name in literals(&source, OTLP) {
            variables.insert(format!("OTEL_EXPORTER_OTLP_{name}"));
            variables.insert(format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
        }
        if source.contains("try_from_default_env()") {
            variables.insert("RUST_LOG".to_owned());
        }
    }
    Ok(variables)
}

fn column(heading: &str) -> BTreeSet<String> {
    rows(PAGE, heading).into_iter().map(|row| row[0].clone()).collect()
}

#[test]
fn every_variable_with_a_flag_is_documented_with_its_command() -> anyhow::Result<()> {
    let mut exist = BTreeSet::new();
    for (command, arguments) in commands()? {
        let with_one = arguments.into_iter().filter(|argument| !argument.variable.is_empty());
        exist.extend(with_one.map(|argument| [argument.variable, command.clone(), argument.usage]));
    }
    let documented = rows(PAGE, "## With a flag");
    let documented: BTreeSet<[String; 3]> =
        documented.into_iter().map(|row| [row[0].clone(), row[1].clone(), row[2].clone()]).collect();
    assert_eq!(documented, exist);
    Ok(())
}

#[test]
fn every_variable_that_the_source_reads_is_documented_and_no_other() -> anyhow::Result<()> {
    let (with, without) = (column("## With a flag"), column("## Without a flag"));
    assert!(with.is_disjoint(&without), "in both tables: {:?}", with.intersection(&without));
    assert_eq!(with.union(&without).cloned().collect::<BTreeSet<_>>(), read_by_source()?);
    Ok(())
}

#[test]
fn no_variable_is_read_in_a_way_that_this_test_does_not_see() -> anyhow::Result<()> {
    for source in sources()? {
        for call in ["env::var(", "env::var_os("] {
            for (at, _) in source.match_indices(call) {
                let rest = &source[at..];
                let literal = rest[call.len()..].starts_with('"');
                assert!(
                    literal || BY_NAME.iter().any(|known| rest.starts_with(known)),
                    "name the variable where it is read: {}",
                    rest.lines().next().unwrap_or_default()
                );
            }
        }
    }
    Ok(())
}
