//! What a signer shows to Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use chancery_kit::{TestLedger, TestRun, eventually};
use chancery_store::SignerSession;
use chancery_store::lease::{Acquired, Lease};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pod::{Pod, PodSpec};

/// A page of metrics.
struct Scrape {
    /// Type by full name, as a query names it.
    types: BTreeMap<String, String>,
    /// Value by name and labels.
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    async fn of(address: SocketAddr) -> anyhow::Result<Self> {
        let page = get(address, "/metrics").await?;
        anyhow::ensure!(page.ends_with("# EOF\n"), "the page is cut off: {page}");
        let mut scrape = Self { types: BTreeMap::new(), samples: BTreeMap::new() };
        for line in page.lines() {
            if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                let total = if kind == "counter" { "_total" } else { "" };
                scrape.types.insert(format!("{name}{total}"), kind.to_owned());
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                scrape.samples.insert(sample.to_owned(), value.parse()?);
            }
        }
        Ok(scrape)
    }

    fn value(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("{sample} is not among {:?}", self.samples))
    }
}

async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: pod\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("a head and a body")?;
    anyhow::ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(body.to_owned())
}

async fn lease(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

/// The addresses that a process listens at, of those that `/proc` shows for TCP.
fn listens(pod: &Pod) -> anyhow::Result<usize> {
    const LISTEN: &str = "0A";
    let folder = format!("/proc/{}", pod.pid()?);
    let own: BTreeSet<String> = std::fs::read_dir(format!("{folder}/fd"))?
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.into_os_string().into_string().ok())
        .collect();
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("{folder}/net/{table}")));
    let listening = |row: &&str| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let inode = fields.get(9).copied().unwrap_or_default();
        fields.get(3) == Some(&LISTEN) && own.contains(&format!("socket:[{inode}]"))
    };
    Ok(tables.iter().flatten().flat_map(|table| table.lines()).filter(listening).count())
}

#[tokio::test]
async fn the_metrics_of_a_signer_agree_with_what_it_has_done() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().lease_duration(Duration::from_secs(1)).seeded(&ledger).await?;
    // One batch is left to be taken over by a signer that vanished, one is held back, so that the
    // signer does not end.
    let mut vanished = run.session("vanished").await?;
    lease(&mut vanished).await?;
    drop(vanished);
    ledger.ledger.set_mutable(&run.run, false, Duration::from_secs(600)).await?;
    let mut other = run.session("other").await?;
    let held = lease(&mut other).await?;

    let mut pod = PodSpec::of(&run)?.listening().start()?;
    let address = pod.address().await?;
    eventually("all but the batch in other hands is signed", async || {
        Scrape::of(address).await.is_ok_and(|page| page.value("chancery_records_signed_total") >= 190.0)
    })
    .await;
    let page = Scrape::of(address).await?;
    for (sample, value) in [
        ("chancery_records_signed_total", 190.0),
        ("chancery_batches_total{outcome=\"stored\"}", 19.0),
        ("chancery_batches_total{outcome=\"given_back\"}", 0.0),
        ("chancery_batches_total{outcome=\"lost\"}", 0.0),
        ("chancery_batches_total{outcome=\"failed\"}", 0.0),
        ("chancery_batch_duration_seconds_count", 19.0),
        ("chancery_batch_duration_seconds_bucket{le=\"+Inf\"}", 19.0),
        ("chancery_lease_wait_seconds_count", 19.0),
        ("chancery_lease_takeovers_total", 1.0),
    ] {
        assert_eq!(page.value(sample), value, "{sample}");
    }
    assert!(page.value("chancery_batch_duration_seconds_sum") > 0.0);
    assert!(page.value("chancery_lease_wait_seconds_sum") > 0.0);
    assert_eq!(get(address, "/healthz").await?, "ok\n");

    assert!(other.abandon(&held).await?);
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn nothing_listens_unless_it_is_asked_to() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut other = run.session("other").await?;
    let held = lease(&mut other).await?;
    let mut pods = [PodSpec::of(&run)?.start()?, PodSpec::of(&run)?.listening().start()?];
    pods[1].address().await?;
    eventually("all but the batch in other hands is signed", async || {
        run.signed().await.is_ok_and(|signed| signed == 190)
    })
    .await;
    assert_eq!(listens(&pods[0])?, 0);
    assert_eq!(listens(&pods[1])?, 1);
    assert!(other.abandon(&held).await?);
    for pod in &mut pods {
        assert_eq!(pod.ended().await?.0, Some(0));
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_is_taken_is_said_and_nothing_is_signed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let mut pod = PodSpec::of(&run)?.with("CHANCERY_LISTEN", &address).start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(1), "{log}");
    let words = pod.last_words().unwrap_or_default();
    assert!(words.starts_with(&format!("nothing can listen at {address}: ")), "{words}");
    assert_eq!(run.signed().await?, 0);
    Ok(())
}

/// Name and type in the rows of the table below a heading of docs/reference/metrics.md.
fn documented(heading: &str) -> BTreeMap<String, String> {
    let page = include_str!("../../../../docs/reference/metrics.md");
    let section = page.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("docs/reference/metrics.md has no section {heading}"));
    let rows = section.lines().filter(|line| line.starts_with("| `chancery_"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_start_matches("| `").trim_end_matches('`');
        Some((name.to_owned(), cells.next()?.to_owned()))
    })
    .collect()
}

#[tokio::test]
async fn the_documented_metrics_of_the_signer_are_those_it_shows() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut other = run.session("other").await?;
    let held = lease(&mut other).await?;
    let mut pod = PodSpec::of(&run)?.listening().start()?;
    assert_eq!(documented("Signer"), Scrape::of(pod.address().await?).await?.types);
    assert!(other.abandon(&held).await?);
    assert_eq!(pod.ended().await?.0, Some(0));
    Ok(())
}
