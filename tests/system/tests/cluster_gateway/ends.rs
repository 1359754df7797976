//! What goes on by a token ends with it.

use std::process::Stdio;

use anyhow::Context as _;
use chancery_kit::cluster::{Cluster, GatewayProcess, OperatorProcess};
use chancery_kit::{TestLedger, eventually};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::{Client, run};
use crate::tokens::forged;
use crate::{PUSHER, install, let_do, pushed, token};

/// A stream of events that has begun.
struct Stream {
    curl: Child,
    text: BufReader<ChildStdout>,
}

impl Stream {
    async fn of(client: &Client, run: &str) -> anyhow::Result<Self> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--no-buffer", "--max-time", "180", "--cacert"]);
        curl.arg(&client.authority).args(["--header", &format!("authorization: Bearer {}", client.token)]);
        let mut curl = curl
            .arg(format!("{}{run}/events", client.url))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut text = BufReader::new(curl.stdout.take().context("no output")?);
        let mut line = String::new();
        text.read_line(&mut line).await?;
        anyhow::ensure!(line == "event: progress\n", "{line:?}");
        Ok(Self { curl, text })
    }

    /// Hears it to its end, which is to come before `curl` gives it up.
    async fn ends(mut self) -> anyhow::Result<()> {
        let mut rest = String::new();
        self.text.read_to_string(&mut rest).await?;
        let status = self.curl.wait().await?;
        anyhow::ensure!(status.success(), "{status}: {rest}");
        anyhow::ensure!(!rest.contains("complete\n"), "the run is not complete: {rest}");
        Ok(())
    }
}

#[tokio::test]
async fn a_stream_and_a_push_that_waits_end_when_their_token_is_revoked_or_has_run_out() -> anyhow::Result<()>
{
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("ends").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    // Nobody signs.
    let object = pushed(&namespace);
    object.apply().await?;
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let gateway = GatewayProcess::start(&release).await?;
    let nobody = Client::new(&gateway.url().await, &folder.path().join("one-ca.crt"), "");
    let run = run(&namespace.name);
    for account in ["pusher", "other"] {
        let_do(&namespace, account, &PUSHER).await?;
    }
    let pusher = nobody.with(&token(&namespace, "pusher", "chancery").await?);
    let other = nobody.with(&token(&namespace, "other", "chancery").await?);

    let (revoked, kept) = (Stream::of(&pusher, &run).await?, Stream::of(&other, &run).await?);
    // API servers let a token in for a while after its end.
    let mut expiring = None;
    for ends in [-45, 10] {
        let client = nobody.with(&forged(&namespace, "other", ends).await?);
        if client.get(&format!("{run}/results")).await?.status == 200 {
            expiring = Some(Stream::of(&client, &run).await?);
            break;
        }
    }
    let expiring = expiring.context("no token is let in")?;

    let waits_on = other.push(&run, "{\"by\": \"other\"}\n");
    let waits = pusher.push(&run, "{\"by\": \"pusher\"}\n");
    let revoke = async {
        eventually("both are taken in", async || {
            let Ok(found) = ledger.ledger.find_run(&namespace.name, "demo").await else { return false };
            ledger.ledger.payload_of(&found, 2).await.is_ok_and(|payload| payload.is_some())
        })
        .await;
        namespace.kubectl().run(&["delete", "serviceaccount", "pusher"]).await
    };
    tokio::pin!(waits_on, waits);
    let (answer, said) = tokio::select! {
        both = async { tokio::join!(&mut waits, revoke) } => both,
        answer = &mut waits_on => anyhow::bail!("the other was to wait for longer: {answer:?}"),
    };
    said?;
    let answer = answer?.expect(200)?.json()?;
    assert_eq!(answer["records"][0]["state"], "pending", "what was taken in is told: {answer}");
    revoked.ends().await?;
    expiring.ends().await?;
    pusher.get(&format!("{run}/events")).await?.expect(401)?;
    // One whose token holds is told more.
    other.seal(&run).await?.expect(200)?;
    let mut kept = kept;
    let mut line = String::new();
    while line != "event: sealed\n" {
        line.clear();
        anyhow::ensure!(kept.text.read_line(&mut line).await? > 0, "the stream ended");
    }
    Ok(())
}
