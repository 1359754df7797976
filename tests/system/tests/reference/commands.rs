//! `docs/reference/commands.md`, `docs/reference/commands-dead-letters.md` and `docs/reference/commands-operator.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::help::{Argument, PROGRAMS, commands};
use crate::page::rows;

const PAGE: &str = concat!(
    include_str!("../../../../docs/reference/commands.md"),
    include_str!("../../../../docs/reference/commands-dead-letters.md"),
    include_str!("../../../../docs/reference/commands-operator.md"),
);

/// A program has a heading of its own, and each of its commands one below it.
fn heading(command: &str) -> String {
    let mark = if PROGRAMS.contains(&command) { "##" } else { "###" };
    format!("{mark} {command}")
}

#[test]
fn every_command_is_documented_and_every_documented_one_exists() -> anyhow::Result<()> {
    let exist: BTreeSet<String> = commands()?.keys().map(|command| heading(command)).collect();
    let documented: BTreeSet<String> =
        PAGE.lines().filter(|line| line.starts_with("##")).map(str::to_owned).collect();
    assert_eq!(documented, exist);
    Ok(())
}

#[test]
fn every_argument_is_documented_with_its_variable_and_its_default() -> anyhow::Result<()> {
    let exist: BTreeMap<String, BTreeSet<Argument>> =
        commands()?.into_iter().map(|(command, all)| (command, all.into_iter().collect())).collect();
    for (command, exist) in exist {
        // One that takes none needs no table.
        if exist.is_empty() {
            continue;
        }
        let documented: BTreeSet<Argument> = rows(PAGE, &heading(&command))
            .into_iter()
            .map(|row| Argument { usage: row[0].clone(), variable: row[1].clone(), default: row[2].clone() })
            .collect();
        assert_eq!(documented, exist, "{command}");
    }
    Ok(())
}
