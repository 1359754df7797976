//! What holds of all commands for a cluster; and those for one run, carried out as they stand there.

use std::fs;

use chancery_kit::cluster::{ClusterRun, Installed};

use crate::pages::{lines_of_blocks, pages, project};

/// The lines in the blocks of a page, with single spaces between words.
fn lines(page: &str) -> Vec<String> {
    lines_of_blocks(page).iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn whoever_waits_says_for_how_long_and_whoever_watches_watches_last() -> anyhow::Result<()> {
    let mut waits = 0;
    for (path, page) in pages()? {
        let commands = lines(&page);
        for command in commands.iter().filter(|command| command.starts_with("kubectl wait")) {
            waits += 1;
            assert!(command.contains("--timeout="), "{path}: kubectl gives up after 30 s: {command}");
        }
        for pair in commands.windows(2).filter(|pair| !pair[1].is_empty()) {
            let watches = pair[0].starts_with("kubectl get")
                && pair[0].split(' ').any(|word| word == "-w" || word == "--watch");
            assert!(!watches, "{path}: what follows is never run: {}", pair[0]);
        }
    }
    assert!(waits >= 4, "{waits}");
    Ok(())
}

#[test]
fn what_is_installed_in_a_namespace_is_looked_for_there() -> anyhow::Result<()> {
    let mut seen = 0;
    for (path, page) in pages()? {
        if !path.contains("docs/operating") {
            continue;
        }
        for command in lines(&page) {
            let of_release = ["helm install", "helm upgrade", "helm uninstall", "helm test"]
                .iter()
                .any(|begin| command.starts_with(begin))
                || (command.starts_with("kubectl") && command.contains("deployment/chancery-operator"));
            if of_release {
                seen += 1;
                assert!(command.contains("--namespace chancery"), "{path}: {command}");
            }
        }
    }
    assert!(seen >= 10, "{seen}");
    Ok(())
}

#[tokio::test]
async fn what_one_can_do_with_a_run_can_be_done_verbatim() -> anyhow::Result<()> {
    let Some(installed) = Installed::in_namespace("verbatim").await? else { return Ok(()) };
    let Installed { namespace, .. } = &installed;
    let run = ClusterRun::new(namespace, "demo").long();
    run.apply().await?;
    run.until_signed(10).await;
    let page = fs::read_to_string(project().join("docs/start/kubernetes.md"))?;
    let commands: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `kubectl ")?.split('`').next()).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let arguments: Vec<String> =
            command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        namespace.kubectl().run(&arguments).await.map_err(|error| error.context(command.to_owned()))?;
    }
    run.until("it is gone", |run| run.is_null()).await;
    Ok(())
}
