//! What `--help` of a program says.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Context;
use chancery_kit::program;

pub(crate) const PROGRAMS: [&str; 6] = [
    "chancery",
    "chancery-signer",
    "chancery-intake",
    "chancery-delivery",
    "chancery-gateway",
    "chancery-operator",
];

/// An argument or a flag of a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Argument {
    /// As it is written, such as `-f, --file <FILE>`.
    pub(crate) usage: String,
    /// Its environment variable, or nothing.
    pub(crate) variable: String,
    /// Its default, or nothing.
    pub(crate) default: String,
}

/// The arguments of each command of all programs, by the command's whole name. A flag that every command
/// of a program has stands at the program alone; `--help` and `--version` stand nowhere. What only groups
/// commands is none.
pub(crate) fn commands() -> anyhow::Result<BTreeMap<String, Vec<Argument>>> {
    let mut found = BTreeMap::new();
    for name in PROGRAMS {
        let help = help(name, &[])?;
        let of_all = arguments(&help);
        let mut open: Vec<Vec<String>> =
            subcommands(&help).into_iter().map(|command| vec![command]).collect();
        while let Some(command) = open.pop() {
            let help = self::help(name, &command)?;
            let below = subcommands(&help);
            if below.is_empty() {
                let mut own = arguments(&help);
                own.retain(|argument| !of_all.contains(argument));
                found.insert(format!("{name} {}", command.join(" ")), own);
            }
            open.extend(below.into_iter().map(|last| [command.clone(), vec![last]].concat()));
        }
        found.insert(name.to_owned(), of_all);
    }
    Ok(found)
}

fn help(name: &str, command: &[String]) -> anyhow::Result<String> {
    // Without variables: their values would be shown.
    let output = Command::new(program(name)).args(command).arg("--help").env_clear().output()?;
    anyhow::ensure!(output.status.success(), "{name} {command:?} --help: {}", output.status);
    String::from_utf8(output.stdout).context("help is text")
}

/// The lines below a headline such as `Options:`.
fn section<'a>(help: &'a str, headline: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = help.lines().skip_while(move |line| *line != headline).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' '))
}

fn subcommands(help: &str) -> Vec<String> {
    // What is said of a command may go on in a line of its own, which is set further in.
    let commands = section(help, "Commands:").filter(|line| line.len() - line.trim_start().len() == 2);
    let names = commands.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn arguments(help: &str) -> Vec<Argument> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for headline in ["Arguments:", "Options:"] {
        for line in section(help, headline) {
            let text = line.trim_start();
            // What is said of an argument, and its choices, is set further in.
            let begins = line.len() - text.len() <= 6 && text.starts_with(['-', '<', '[']);
            if begins {
                let (usage, rest) = text.split_once("  ").unwrap_or((text, ""));
                entries.push((usage.to_owned(), rest.trim().to_owned()));
            } else if let Some((_, said)) = entries.last_mut() {
                said.push(' ');
                said.push_str(text);
            }
        }
    }
    entries.retain(|(usage, _)| !usage.contains("--help") && !usage.contains("--version"));
    let argument = |(usage, said): (String, String)| Argument {
        usage,
        variable: bracketed(&said, "[env: ").trim_end_matches('=').to_owned(),
        default: bracketed(&said, "[default: "),
    };
    entries.into_iter().map(argument).collect()
}

fn bracketed(said: &str, opening: &str) -> String {
    let inside = said.split_once(opening).and_then(|(_, rest)| rest.split_once(']'));
    inside.map(|(inside, _)| inside.to_owned()).unwrap_or_default()
}
