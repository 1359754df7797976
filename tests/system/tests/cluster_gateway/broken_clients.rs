//! Clients that do not keep to the rules, of TLS or of HTTP behind it, cost nobody but themselves.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chancery_kit::cluster::{Cluster, GatewayProcess, OperatorProcess, StandIn};
use chancery_kit::{TestLedger, eventually};
use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{Client, run};
use crate::{PUSHER, install, let_do, pushed, token};

/// Clients that say nothing, or not all, while the others are answered.
const SILENT: usize = 500;

/// A gateway, and how many records were pushed to it.
struct Target {
    client: Client,
    connector: TlsConnector,
    run: String,
    records: i64,
}

fn connector(authority: &Path) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(client)))
}

impl Target {
    /// Others are answered, and what a broken client left behind is nothing: a record has the number after those that there were.
    async fn goes_on(&mut self, after: &str) -> anyhow::Result<()> {
        self.records += 1;
        let line = json!({"after": after, "record": self.records}).to_string();
        let answer = self.client.push(&self.run, &line).await?.expect(200)?.json()?;
        anyhow::ensure!(answer["records"][0]["record"] == self.records, "after {after}: {answer}");
        Ok(())
    }

    /// Says this below TLS, and nothing more for now.
    async fn say(&self, bytes: &[u8]) -> anyhow::Result<TcpStream> {
        let at = self.client.url.strip_prefix("https://").context("no address")?;
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(bytes).await?;
        Ok(stream)
    }

    /// Is greeted, and then says this.
    async fn greeted(&self, bytes: &[u8]) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost")?;
        let mut stream = self.connector.connect(name, self.say(b"").await?).await?;
        stream.write_all(bytes).await?;
        Ok(stream)
    }

    /// The head of a push of a record, and the beginning of that.
    fn half_a_push(&self) -> Vec<u8> {
        let (run, token) = (&self.run, &self.client.token);
        format!(
            "POST {run}/records HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n{{\"half\":"
        )
        .into_bytes()
    }
}

/// The first thing that a client says when it is greeted.
async fn hello(connector: &TlsConnector) -> anyhow::Result<Vec<u8>> {
    let (here, mut there) = tokio::io::duplex(16 * 1024);
    let greeting = tokio::spawn(connector.connect(ServerName::try_from("localhost")?, here));
    let mut hello = vec![0; 16 * 1024];
    let count = there.read(&mut hello).await?;
    greeting.abort();
    hello.truncate(count);
    Ok(hello)
}

/// Cuts connections off: while they are greeted, and within a request.
async fn cut_off(target: &mut Target, hello: &[u8]) -> anyhow::Result<()> {
    for at in [0, 1, hello.len() / 2, hello.len()] {
        let mut half = target.say(&hello[..at]).await?;
        half.shutdown().await?;
        // Also by a reset.
        let _ended = half.read_to_end(&mut Vec::new()).await;
        target.goes_on("the end of a greeting that was not whole").await?;
        let reset = target.say(&hello[..at]).await?;
        reset.set_zero_linger()?;
        drop(reset);
        target.goes_on("a reset of a greeting").await?;
    }
    for (what, bytes) in [
        ("HTTP without TLS", target.half_a_push()),
        ("a record that says more than there is", b"\x16\x03\x01\x40\x00\x01".to_vec()),
        ("rubbish", vec![0xff; 4096]),
    ] {
        let mut stream = target.say(&bytes).await?;
        stream.shutdown().await?;
        let mut said = Vec::new();
        let _ended = stream.read_to_end(&mut said).await;
        anyhow::ensure!(!said.starts_with(b"HTTP/"), "{what}: {}", String::from_utf8_lossy(&said));
        target.goes_on(what).await?;
    }
    let push = target.half_a_push();
    // With the end that TLS has, without it, by a reset, and by what nobody has encrypted.
    let mut ended = target.greeted(&push).await?;
    ended.shutdown().await?;
    let mut said = String::new();
    let _ended = ended.read_to_string(&mut said).await;
    anyhow::ensure!(!said.contains(" 200 "), "{said}");
    target.goes_on("half a body").await?;
    let mut cut = target.greeted(&push).await?;
    cut.get_mut().0.shutdown().await?;
    target.goes_on("half a body without the end of TLS").await?;
    let reset = target.greeted(&push).await?;
    reset.get_ref().0.set_zero_linger()?;
    drop(reset);
    target.goes_on("a reset within a body").await?;
    let mut forged = target.greeted(&push).await?;
    forged.get_mut().0.write_all(b"\x17\x03\x03\x00\x20nobody has the key of this record").await?;
    let mut said = String::new();
    let _ended = forged.read_to_string(&mut said).await;
    anyhow::ensure!(!said.contains(" 200 "), "{said}");
    target.goes_on("what nobody has encrypted").await
}

/// Clients that say nothing more, at any point of a greeting and behind it, are let go while the others are answered.
async fn silent(target: &mut Target, hello: &[u8]) -> anyhow::Result<()> {
    let push = target.half_a_push();
    let mut below = Vec::new();
    let mut greeted = Vec::new();
    for number in 0..SILENT {
        match number % 5 {
            0 => below.push(target.say(b"").await?),
            1 => below.push(target.say(&hello[..hello.len() / 2]).await?),
            2 => below.push(target.say(hello).await?),
            3 => greeted.push(target.greeted(b"POST /v1").await?),
            _ => greeted.push(target.greeted(&push).await?),
        }
    }
    for number in 0..20 {
        target.goes_on(&format!("the silent, {number}")).await?;
    }
    let below = join_all(below.into_iter().map(async |mut stream| {
        let mut said = Vec::new();
        let _ended = stream.read_to_end(&mut said).await;
        said
    }));
    let greeted = join_all(greeted.into_iter().map(async |mut stream| {
        let mut said = Vec::new();
        let _ended = stream.read_to_end(&mut said).await;
        said
    }));
    let (below, greeted) = tokio::join!(below, greeted);
    for said in below.iter().chain(&greeted) {
        let text = String::from_utf8_lossy(said);
        anyhow::ensure!(!text.starts_with("HTTP/1.1 2"), "{text}");
    }
    target.goes_on("all of them").await
}

#[tokio::test]
async fn clients_that_are_broken_within_tls_or_behind_it_cost_nobody_but_themselves() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("broken").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let _operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let object = pushed(&namespace);
    object.apply().await?;
    eventually("it is in the ledger", async || object.is_in(&ledger).await.unwrap_or_default()).await;
    let_do(&namespace, "pusher", &PUSHER).await?;
    let token = token(&namespace, "pusher", "chancery").await?;
    let gateway = GatewayProcess::start(&release).await?;
    let authority = folder.path().join("one-ca.crt");
    let client = Client::new(&gateway.url().await, &authority, &token);
    let connector = connector(&authority)?;
    let hello = hello(&connector).await?;
    let mut target = Target { client, connector, run: run(&namespace.name), records: 0 };
    cut_off(&mut target, &hello).await?;
    silent(&mut target, &hello).await?;
    let Target { client, run, records, .. } = target;
    assert_eq!(client.seal(&run).await?.expect(200)?.json()?["records"], records);
    object.completes(&ledger).await?;
    assert_eq!(
        object.get().await?["status"]["records"]["received"],
        records,
        "nothing of a broken client is there"
    );
    Ok(())
}
