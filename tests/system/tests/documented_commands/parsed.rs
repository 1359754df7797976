//! Programs take the arguments that the pages give them. None of the commands is carried out: a program that is asked for help
//! at the end looks at all arguments before.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command as Process;

use chancery_kit::helm::Helm;
use chancery_kit::program;

use crate::pages::{Command, commands, project};

const OUR_PROGRAMS: [&str; 7] = [
    "chancery",
    "/chancery",
    "chancery-signer",
    "chancery-intake",
    "chancery-delivery",
    "chancery-gateway",
    "chancery-operator",
];

/// Runs a program with the arguments and `--help`; what it says against them, if it does.
fn refusal(mut process: Process, arguments: &[String]) -> anyhow::Result<Option<String>> {
    let own = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let ended = process.args(&arguments[..own]).arg("--help").output()?;
    Ok((!ended.status.success()).then(|| String::from_utf8_lossy(&ended.stderr).into_owned()))
}

fn none_is_refused(
    found: &[Command],
    process: impl Fn(&Command) -> anyhow::Result<Process>,
) -> anyhow::Result<()> {
    let mut refused = Vec::new();
    for command in found {
        if let Some(said) = refusal(process(command)?, &command.words[1..])? {
            refused.push(format!("{}: {}: {said}", command.page, command.words.join(" ")));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    Ok(())
}

#[test]
fn our_programs_take_the_arguments_that_the_pages_give_them() -> anyhow::Result<()> {
    let mut found = commands(&OUR_PROGRAMS)?;
    // What runs in a pod.
    for mut command in commands(&["kubectl"])? {
        if let Some(at) = command.words.iter().position(|word| word == "--") {
            command.words.drain(..=at);
            found.push(command);
        }
    }
    assert!(found.len() > 60, "{}", found.len());
    none_is_refused(&found, |command| {
        let mut process = Process::new(program(command.words[0].trim_start_matches('/')));
        process.env_clear();
        Ok(process)
    })
}

#[test]
fn arguments_that_a_program_does_not_know_are_found() -> anyhow::Result<()> {
    let said = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        refusal(Process::new(program("chancery")), &arguments)
    };
    assert_eq!(said(&["verify", "demo"])?, None);
    assert!(said(&["verify", "demo", "--loudly"])?.is_some_and(|said| said.contains("--loudly")));
    assert!(said(&["export", "demo", "everything"])?.is_some_and(|said| said.contains("everything")));
    assert!(said(&["very", "demo"])?.is_some());
    Ok(())
}

#[test]
fn kubectl_takes_the_flags_that_the_pages_give_it() -> anyhow::Result<()> {
    if Process::new("kubectl").arg("version").arg("--client").output().is_err() {
        return Ok(());
    }
    let kubectl = || {
        let mut process = Process::new("kubectl");
        process.env_remove("KUBECONFIG");
        process
    };
    let unknown = ["get", "pods", "--loudly"].map(str::to_owned);
    assert!(refusal(kubectl(), &unknown)?.is_some_and(|said| said.contains("--loudly")));
    let found = commands(&["kubectl"])?;
    assert!(found.len() > 40, "{}", found.len());
    none_is_refused(&found, |_| Ok(kubectl()))
}

#[test]
fn helm_takes_the_flags_that_the_pages_give_it_and_the_chart_the_values() -> anyhow::Result<()> {
    let Some(helm) = Helm::find() else { return Ok(()) };
    let mut found = commands(&["helm"])?;
    for command in &mut found {
        // Helm 3.14 knows it, as the page of the cluster says; ours may be older.
        command.words.retain(|word| word != "--reset-then-reuse-values");
    }
    assert!(found.len() > 15, "{}", found.len());
    none_is_refused(&found, |_| Ok(helm.command()))?;
    let mut rendered = 0;
    for command in found.iter().filter(|command| command.words.iter().any(|word| word == "charts/chancery")) {
        let mut process = helm.command();
        process.current_dir(project()).args(["template", "chancery", "charts/chancery"]);
        process.args(["--kube-version", "1.36.0", "--set", "metrics.force=true"]);
        for pair in command.words.windows(2).filter(|pair| pair[0] == "--set") {
            process.args(pair);
        }
        let ended = process.output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{}: {}: {said}", command.page, command.words.join(" "));
        rendered += 1;
    }
    assert!(rendered >= 10, "{rendered}");
    Ok(())
}

#[test]
fn make_has_the_targets_that_the_pages_name() -> anyhow::Result<()> {
    let makefile = fs::read_to_string(project().join("Makefile"))?;
    let rules = makefile.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    let targets: BTreeSet<&str> =
        rules.filter_map(|line| line.split_once(':')).flat_map(|(targets, _)| targets.split(' ')).collect();
    let mut named = 0;
    for command in commands(&["make"])? {
        for target in command.words[1..].iter().filter(|word| !word.contains('=')) {
            named += 1;
            assert!(targets.contains(target.as_str()), "{}: make {target}: {targets:?}", command.page);
        }
    }
    assert!(named > 15, "{named}");
    Ok(())
}
