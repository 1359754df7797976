//! What the page of the gateway tells people to type does what the page says.

use std::process::Stdio;

use anyhow::Context as _;
use chancery_kit::cluster::{Cluster, ClusterRun, GatewayProcess, OperatorProcess, StandIn};
use chancery_kit::{TestLedger, eventually};
use serde_json::Value;
use tokio::process::Command;

use crate::install;

const PAGE: &str = include_str!("../../../../docs/operating/http-api-on-a-cluster.md");

/// Where programs of the page's cluster reach the gateway.
const HOST: &str = "chancery-gateway.chancery.svc";

/// The section of this title, up to the next.
fn section(title: &str) -> anyhow::Result<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("\n## {title}\n")).with_context(|| format!("no {title}"))?;
    Ok(rest.split("\n## ").next().unwrap_or(rest))
}

/// The first block of code in a section that is of this language.
fn block(section: &str, language: &str) -> anyhow::Result<String> {
    let mut fences = section.split("\n```").skip(1).step_by(2);
    let found = fences.find_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    found.map(str::to_owned).with_context(|| format!("no block of {language:?}"))
}

#[tokio::test]
async fn what_the_page_tells_to_type_does_what_it_says() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("page").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let section = section("From a file to signatures")?;
    namespace.kubectl().apply(&block(section, "yaml")?).await?;
    let object = ClusterRun::new(&namespace, "pushed-payments");
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let gateway = GatewayProcess::start(&release).await?;
    let port = gateway.url().await.rsplit(':').next().context("no port")?.to_owned();
    std::fs::copy(folder.path().join("one-ca.crt"), folder.path().join("ca.crt"))?;
    std::fs::write(folder.path().join("payments.ndjson"), "{\"id\": 1}\n{\"id\": 2}\n")?;
    // There is no name server here.
    let elsewhere =
        format!("connect-to = \"{HOST}:443:127.0.0.1:{port}\"\nsilent\nshow-error\nfail-with-body\n");
    std::fs::write(folder.path().join(".curlrc"), elsewhere)?;
    // The page is in the namespace `default`, and so is `kubectl`.
    let typed = block(section, "")?
        .replace("\\\n", " ")
        .replace("default:pusher", &format!("{}:pusher", namespace.name))
        .replace("/namespaces/default/", &format!("/namespaces/{}/", namespace.name));
    let mut answers = Vec::new();
    let (mut token, mut run) = (String::new(), String::new());
    for line in typed.lines() {
        if let Some(arguments) = line.strip_prefix("kubectl ") {
            namespace.kubectl().run(&arguments.split_whitespace().collect::<Vec<_>>()).await?;
        } else if let Some(arguments) = line.strip_prefix("TOKEN=$(kubectl ") {
            let arguments: Vec<&str> = arguments.trim_end_matches(')').split_whitespace().collect();
            token = namespace.kubectl().run(&arguments).await?.trim().to_owned();
        } else if let Some(url) = line.strip_prefix("RUN=") {
            url.clone_into(&mut run);
        } else {
            anyhow::ensure!(line.starts_with("curl "), "{line}");
            let ended = Command::new("bash")
                .args(["-c", line])
                .current_dir(folder.path())
                .env("CURL_HOME", folder.path())
                .env("TOKEN", &token)
                .env("RUN", &run)
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output()
                .await?;
            let said = String::from_utf8_lossy(&ended.stdout).into_owned();
            anyhow::ensure!(
                ended.status.success(),
                "{line}: {said} {}",
                String::from_utf8_lossy(&ended.stderr)
            );
            answers.push(serde_json::from_str::<Value>(&said)?);
        }
    }
    anyhow::ensure!(answers.len() == 2, "{answers:?}");
    for record in answers[0]["records"].as_array().into_iter().flatten() {
        assert!(record["signed"]["signature"].is_string(), "{record}");
    }
    assert_eq!(answers[1]["records"], 2);
    object.completes(&ledger).await
}
