//! A real API server takes the commands of the pages.

use std::os::unix::fs::symlink;

use chancery_kit::cluster::{Cluster, Controllers, Kubectl};
use chancery_kit::helm::Helm;
use chancery_kit::{Ended, eventually};

use crate::pages::{Command, commands, pages, project};

/// Where the pages install.
const NAMESPACE: &str = "chancery";

/// What needs more than an API server: a kubelet, or a controller of Deployments.
const NEEDS_PODS: [&str; 4] = ["exec", "logs", "port-forward", "rollout"];

/// What is there already, because a page before has made it.
fn is_there(ended: &Ended) -> bool {
    ended.stderr.contains("AlreadyExists") || ended.stderr.contains("already exists")
}

/// The arguments of a command as it is tried: what would remove something is tried dry, and nothing is waited for or watched.
fn tried(command: &Command) -> Option<Vec<String>> {
    let arguments = &command.words[1..];
    let verb = arguments.iter().find(|word| !word.starts_with('-'))?.as_str();
    // A sentence may name no more than the verb.
    let is_whole = command.in_block || arguments.iter().filter(|word| !word.starts_with('-')).count() > 1;
    if NEEDS_PODS.contains(&verb) || verb == "wait" || !is_whole {
        return None;
    }
    let mut tried: Vec<String> =
        arguments.iter().filter(|word| !matches!(word.as_str(), "--watch" | "-w")).cloned().collect();
    if matches!(verb, "delete" | "annotate" | "patch" | "scale" | "label") {
        tried.push("--dry-run=server".to_owned());
    }
    Some(tried)
}

#[tokio::test]
async fn an_api_server_takes_each_command_that_the_pages_name() -> anyhow::Result<()> {
    let Some(helm) = Helm::find() else { return Ok(()) };
    let Some(cluster) = Cluster::start(Controllers::StandIn) else { return Ok(()) };
    let folder = cluster.folder().join("checkout");
    std::fs::create_dir(&folder)?;
    for (file, text) in [("kek", "a KEK"), ("ca.crt", "a CA"), ("values.yaml", "{}")] {
        std::fs::write(folder.join(file), text)?;
    }
    for part in ["examples", "charts", "crds"] {
        // A folder, since kubectl takes a link to one for a file.
        std::fs::create_dir(folder.join(part))?;
        for entry in std::fs::read_dir(project().join(part).canonicalize()?)? {
            let entry = entry?;
            symlink(entry.path(), folder.join(part).join(entry.file_name()))?;
        }
    }
    let kubectl = cluster.kubectl("default").in_folder(&folder);
    prepare(&kubectl, &helm).await?;
    let mut taken = 0;
    for command in commands(&["kubectl"])? {
        let Some(arguments) = tried(&command) else { continue };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // What comes through a pipe is another test's, or a secret.
        let piped = if arguments.contains(&"apply") { manifest() } else { "a secret" };
        let ended = kubectl.feed(&arguments, piped).await?;
        assert!(
            ended.code == Some(0) || is_there(&ended),
            "{}: kubectl {arguments:?}: {ended:?}",
            command.page
        );
        taken += 1;
    }
    assert!(taken > 35, "{taken}");
    Ok(())
}

/// Something that is applied from standard input.
fn manifest() -> &'static str {
    r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "piped"}}"#
}

/// What the pages presuppose: the release with its Secrets, and the runs that they speak of.
async fn prepare(kubectl: &Kubectl, helm: &Helm) -> anyhow::Result<()> {
    kubectl.run(&["create", "namespace", NAMESPACE]).await?;
    let rendered = helm
        .command()
        .args(["template", "chancery"])
        .arg(project().join("charts/chancery"))
        .args(["--namespace", NAMESPACE, "--no-hooks", "--set", "crds.install=false"])
        .args(["--kube-version", "1.36.0"])
        .output()?;
    anyhow::ensure!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    kubectl
        .feed(&["apply", "--namespace", NAMESPACE, "--filename", "-"], std::str::from_utf8(&rendered.stdout)?)
        .await?
        .expect_code(0)?;
    for secret in ["chancery-kek", "chancery-statement-key"] {
        let data = "--from-literal=kek=a KEK";
        kubectl.run(&["create", "secret", "generic", secret, "--namespace", NAMESPACE, data]).await?;
    }
    kubectl.run(&["apply", "--filename", "examples/"]).await?;
    eventually("the API server finds the runs", async || {
        kubectl.run(&["get", "signingrun", "demo", "payments"]).await.is_ok()
    })
    .await;
    Ok(())
}

/// Manifests in the pages.
#[tokio::test]
async fn an_api_server_takes_each_manifest_of_the_pages() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::shared() else { return Ok(()) };
    let kubectl = cluster.kubectl("default");
    let mut taken = 0;
    for (page, text) in pages()? {
        for block in manifests(&text) {
            let ended = kubectl.feed(&["apply", "--dry-run=server", "--filename", "-"], &block).await?;
            assert_eq!(ended.code, Some(0), "{page}: {block}: {ended:?}");
            taken += 1;
        }
    }
    assert!(taken >= 1, "{taken}");
    Ok(())
}

/// The blocks of a page that begin as an object does.
fn manifests(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let texts = blocks.filter_map(|block| block.split_once('\n').map(|(_, text)| text.to_owned()));
    texts.filter(|text| text.starts_with("apiVersion: ")).collect()
}
