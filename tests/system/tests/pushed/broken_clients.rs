//! Clients that do not keep to the rules cost nobody but themselves.

use std::io::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Api, DEMO, NDJSON, answer};
use crate::{Site, manifest};

/// Clients that say nothing, or not all, while the others are answered.
const SILENT: usize = 1_000;

/// An API, and how many records its run has.
struct Target<'a> {
    api: &'a Api,
    records: AtomicI64,
}

impl Target<'_> {
    /// Others are answered, and what a broken client left behind is nothing: a record has the number after those that there were.
    async fn goes_on(&self, after: &str) -> anyhow::Result<()> {
        let number = self.records.fetch_add(1, Ordering::Relaxed) + 1;
        let pushed = self.api.push("", json!({"after": after}).to_string()).await?.expect(200)?.json()?;
        anyhow::ensure!(
            pushed["records"] == json!([{"state": "admitted", "record": number}]),
            "after {after}: {pushed}"
        );
        Ok(())
    }

    /// So many more were taken in.
    fn has_more(&self, records: i64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// The head of a push, up to its last header.
    fn head(&self, headers: &[(&str, &str)]) -> String {
        let headers = [&[("content-type", NDJSON)], headers].concat();
        self.api.head("POST", &format!("{DEMO}/records"), &headers)
    }

    /// The same on a connection that stays open.
    fn head_to_stay(&self) -> String {
        self.head(&[]).replace("connection: close\r\n", "")
    }

    /// Sends bytes on a connection of their own.
    async fn begin(&self, bytes: impl AsRef<[u8]>) -> anyhow::Result<TcpStream> {
        let mut stream = self.api.connect().await?;
        stream.write_all(bytes.as_ref()).await?;
        Ok(stream)
    }
}

fn packed(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content)?;
    Ok(packed.finish()?)
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_nothing_of_it_is_taken_in() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let target = Target { api: &site.served.api, records: AtomicI64::new(0) };
    let (head, gzip) = (target.head(&[]), target.head(&[("content-encoding", "gzip")]));
    let text = |rest: &str| (head.clone() + rest).into_bytes();
    let zipped =
        |body: &[u8]| [format!("{gzip}content-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    let whole = packed(b"\"zipped\"\n\"lines\"\n")?;
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "x".repeat(20_000));
    for (what, bytes, status) in [
        ("a chunk that is none", text("transfer-encoding: chunked\r\n\r\nzz\r\n\"chunk\"\r\n"), 400),
        ("more than may be, before a byte of it", text("content-length: 99999999999\r\n\r\n"), 413),
        ("a length that is none", text("content-length: -1\r\n\r\n"), 400),
        ("two lengths", text("content-length: 4\r\ncontent-length: 5\r\n\r\n\"x\"\n\n"), 400),
        ("too many headers", text(&format!("{many}content-length: 0\r\n\r\n")), 431),
        ("a header that is too long", text(&format!("{long}content-length: 0\r\n\r\n")), 431),
        ("what is not HTTP", b"this is not HTTP\r\n\r\n".to_vec(), 400),
        ("nothing but zeros", vec![0; 4096], 400),
        ("a bomb", zipped(&packed(&vec![b'\n'; 64 << 20])?), 413),
        ("what is packed, and cut off", zipped(&whole[..whole.len() - 9]), 400),
        ("what is packed, and broken", zipped(&[&whole[..10], &[7; 30]].concat()), 400),
        ("what is not packed at all", zipped(b"\"plain\"\n"), 400),
    ] {
        let mut stream = target.begin(bytes).await?;
        assert_eq!(answer(&mut stream).await?.status, status, "{what}");
        target.goes_on(what).await?;
    }
    // Less than it says, and the end; or no end but a reset.
    let mut cut = target.begin(text("content-length: 100\r\n\r\n\"cut\"\n")).await?;
    cut.shutdown().await?;
    assert_eq!(answer(&mut cut).await?.status, 400);
    target.goes_on("less than it said").await?;
    drop(target.begin(text("content-length: 100\r\n\r\n\"gone\"\n")).await?);
    target.goes_on("one that went").await?;
    let reset = target.begin(text("content-length: 100\r\n\r\n\"reset\"\n")).await?;
    reset.set_zero_linger()?;
    drop(reset);
    target.goes_on("a reset").await?;
    let records = target.records.into_inner();
    assert_eq!(site.served.api.seal().await?.expect(200)?.json()?["records"], records);
    let summary = site.end().await?;
    assert_eq!((&summary["signed"], &summary["arrivals"]["received"]), (&json!(records), &json!(records)));
    Ok(())
}

#[tokio::test]
async fn what_is_whole_is_taken_in_whatever_the_client_does_before_and_after() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let target = Target { api: &site.served.api, records: AtomicI64::new(0) };
    // All that it says, and only then the end: it is answered.
    let mut half = target.begin(target.head(&[]) + "content-length: 7\r\n\r\n\"half\"\n").await?;
    half.shutdown().await?;
    assert_eq!(answer(&mut half).await?.expect(200)?.states()?, ["admitted"]);
    target.has_more(1);
    target.goes_on("half a connection").await?;
    // More than it says: what it says is taken, and what follows is no request.
    let more = target.head_to_stay() + "content-length: 7\r\n\r\n\"more\"\n\"than\"\n\r\n\r\n";
    let mut more = target.begin(more).await?;
    let mut said = String::new();
    more.read_to_string(&mut said).await?;
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("HTTP/1.1 400 "), "{said}");
    target.has_more(1);
    target.goes_on("more than it said").await?;
    // Three at once, and rubbish behind them.
    let each = |line: u32| format!("{}content-length: 7\r\n\r\n\"line{line}\"", target.head_to_stay());
    let mut pipelined = target.begin(each(1) + &each(2) + &each(3) + "\0\0rubbish\r\n\r\n").await?;
    let mut said = String::new();
    pipelined.read_to_string(&mut said).await?;
    assert_eq!(said.matches("\"state\":\"admitted\"").count(), 3, "{said}");
    target.has_more(3);
    target.goes_on("rubbish behind requests").await?;
    // A length and chunks: the chunks hold (RFC 9112, section 6.3).
    let both = "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n8\r\n\"chunks\"\r\n0\r\n\r\n";
    let mut both = target.begin(target.head(&[]) + both).await?;
    assert_eq!(answer(&mut both).await?.expect(200)?.states()?, ["admitted"]);
    target.has_more(1);
    target.goes_on("a length, and chunks").await?;
    // A client that goes before it reads its answer.
    let mut deaf = target.begin(target.head(&[]) + "content-length: 7\r\n\r\n\"deaf\"\n").await?;
    deaf.readable().await?;
    let _some = deaf.read(&mut [0; 1]).await?;
    drop(deaf);
    target.has_more(1);
    target.goes_on("one that hears nothing").await?;
    assert_eq!(target.api.push("", "\"deaf\"\n").await?.expect(200)?.states()?, ["duplicate"]);
    let records = target.records.into_inner();
    assert_eq!(site.served.api.seal().await?.expect(200)?.json()?["records"], records);
    assert_eq!(site.end().await?["signed"], records);
    Ok(())
}

#[tokio::test]
async fn clients_that_are_silent_or_slow_are_let_go_and_the_others_are_answered() -> anyhow::Result<()> {
    let site = Site::with(&manifest()).await?;
    let target = Target { api: &site.served.api, records: AtomicI64::new(0) };
    let body = target.head(&[]) + "content-length: 100\r\n\r\n\"slow\"\n";
    let mut slow = Vec::new();
    for silent in 0..SILENT {
        let said = match silent % 4 {
            0 => String::new(),
            1 => "POST /v1".to_owned(),
            2 => target.head(&[]),
            _ => body.clone(),
        };
        slow.push((silent % 4, target.begin(said).await?));
    }
    for number in 0..50 {
        target.goes_on(&format!("the silent, {number}")).await?;
    }
    let ended = try_join_all(slow.into_iter().map(async |(kind, mut stream)| {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await?;
        anyhow::Ok((kind, String::from_utf8_lossy(&said).into_owned()))
    }))
    .await?;
    for (kind, said) in ended {
        let is_told = said.starts_with("HTTP/1.1 408 ");
        assert!(if kind == 3 { is_told } else { is_told || said.is_empty() }, "{kind}: {said}");
    }
    target.goes_on("all of them").await?;
    let records = target.records.into_inner();
    assert_eq!(site.served.api.seal().await?.expect(200)?.json()?["records"], records);
    assert_eq!(site.end().await?["signed"], records);
    Ok(())
}
