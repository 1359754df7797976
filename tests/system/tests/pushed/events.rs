//! Watching a run: each change is told, to each that watches, and to one that comes back what changed meanwhile.

use chancery_kit::{Chancery, Ended, TestLedger, eventually, talkative_server};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Api, DEMO, Served};
use crate::{Site, manifest};

/// An event: its name, its id and its data.
#[derive(Debug, Clone)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// Events of a text; its last may not be whole yet.
fn events(text: &str) -> Vec<Event> {
    let field = |event: &str, name: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_default().to_owned()
    };
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let whole = whole.split("\n\n").filter(|event| event.contains("data: "));
    let event = |event: &str| Event {
        name: field(event, "event"),
        id: field(event, "id"),
        data: serde_json::from_str(&field(event, "data")).unwrap_or_default(),
    };
    whole.map(event).collect()
}

/// One that listens.
struct Listener {
    stream: TcpStream,
    text: String,
}

impl Listener {
    async fn of(api: &Api, last: Option<&str>) -> anyhow::Result<Self> {
        let headers: Vec<(&str, &str)> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        let mut stream = api.connect().await?;
        let head = api.head("GET", &format!("{DEMO}/events"), &headers) + "\r\n";
        stream.write_all(head.as_bytes()).await?;
        Ok(Self { stream, text: String::new() })
    }

    /// Listens until an event comes of which this holds.
    async fn until(&mut self, holds: impl Fn(&Event) -> bool) -> anyhow::Result<Event> {
        loop {
            // The lengths of chunks between them are no fields of events.
            if let Some(event) = events(&self.text.replace("\r\n", "\n")).into_iter().find(&holds) {
                return Ok(event);
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer).await?;
            anyhow::ensure!(count > 0, "the stream ended: {}", self.text);
            self.text += std::str::from_utf8(&buffer[..count])?;
        }
    }

    /// Listens to the end of the stream.
    async fn rest(&mut self) -> anyhow::Result<Vec<Event>> {
        self.stream.read_to_string(&mut self.text).await?;
        Ok(events(&self.text.replace("\r\n", "\n")))
    }
}

async fn listened(api: &Api, last: &str) -> anyhow::Result<Answer> {
    api.ask("GET", &format!("{DEMO}/events"), &[("last-event-id", last)], "").await
}

#[tokio::test]
async fn a_run_is_watched_from_its_first_record_to_its_end() -> anyhow::Result<()> {
    let mut site = Site::with(&manifest()).await?;
    let api = site.served.api.clone();
    let mut listener = Listener::of(&api, None).await?;
    let first = listener.until(|event| event.data["admitted"] == 0).await?;
    assert_eq!((first.name.as_str(), &first.data["run"]), ("progress", &json!("default/demo")));
    api.push("?wait=60", "1\n2\nno\n1\n").await?.expect(200)?;
    let signed = listener.until(|event| event.data["signed"] == 2).await?;
    let counts =
        ["received", "admitted", "duplicates", "dead", "rejected"].map(|count| signed.data[count].as_i64());
    assert_eq!(counts, [4, 2, 1, 1, 0].map(Some), "{signed:?}");
    // Nobody signs now: so the run is sealed for as long as that is looked at.
    site.run.kill().await?;
    api.push("", "3\n").await?.expect(200)?;
    api.seal().await?.expect(200)?;
    let sealed = listener.until(|event| event.data["sealed"] == true).await?;
    assert_eq!((sealed.name.as_str(), &sealed.data["complete"]), ("sealed", &json!(false)));
    // What one that comes back knows already is not told again.
    let mut back = Listener::of(&api, Some(&sealed.id)).await?;
    site.run = site.chancery.start_signing(&manifest(), &["--output", "json"])?;
    let (heard, heard_back) = (listener.rest().await?, back.rest().await?);
    let last = heard.last().expect("an event").clone();
    assert_eq!((last.name.as_str(), &last.data["signed"]), ("complete", &json!(3)), "{heard:?}");
    assert_eq!(heard_back.last().map(|event| &event.id), Some(&last.id));
    assert!(heard_back.iter().all(|event| event.id != sealed.id && event.name != "sealed"), "{heard_back:?}");
    // Browsers ask again when a stream ends, until they are told not to.
    assert_eq!(listened(&api, &last.id).await?.expect(204)?.body, "");
    let again = events(&listened(&api, &sealed.id).await?.expect(200)?.body);
    assert_eq!(again.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["complete"]);
    let of_another = events(&listened(&api, "00000000.complete.4.1.1.3.false").await?.expect(200)?.body);
    assert_eq!(of_another.len(), 1, "what was heard of another run says nothing of this one");
    assert_eq!(site.end().await?["signed"], 3);
    Ok(())
}

#[tokio::test]
async fn one_look_at_the_ledger_is_for_all_that_watch_and_there_are_only_so_many() -> anyhow::Result<()> {
    let server = talkative_server();
    let ledger = TestLedger::create(&server, "watched").await?;
    let site = Site::on(ledger, &manifest()).await?;
    let api = site.served.api.clone();
    let mut listeners = try_join_all((0..256).map(|_| Listener::of(&api, None))).await?;
    try_join_all(listeners.iter_mut().map(|listener| listener.until(|event| event.data["signed"] == 0)))
        .await?;
    let looks =
        std::fs::read_to_string(server.log())?.matches("How far runs are, for whoever watches them").count();
    assert!((1..256).contains(&looks), "{looks} looks for 256 listeners");
    let refused = api.get(&format!("{DEMO}/events")).await?.expect(429)?;
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    assert_eq!(refused.json()?["type"], "tag:chancery.dev,2026:streams");
    // Who goes makes room.
    drop(listeners.split_off(10));
    api.push("", "1\n").await?.expect(200)?;
    eventually("there is room", async || {
        let Ok(mut listener) = Listener::of(&api, None).await else { return false };
        listener.until(|event| event.data["admitted"] == 1).await.is_ok()
    })
    .await;
    api.seal().await?.expect(200)?;
    for heard in try_join_all(listeners.iter_mut().map(Listener::rest)).await? {
        assert_eq!(heard.last().map(|event| event.name.as_str()), Some("complete"), "{heard:?}");
    }
    site.end().await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_with_the_run_that_is_deleted_and_with_the_api() -> anyhow::Result<()> {
    let mut site = Site::with(&manifest()).await?;
    let mut listener = Listener::of(&site.served.api, None).await?;
    listener.until(|event| event.name == "progress").await?;
    site.run.kill().await?;
    site.chancery.run(&["delete", "demo", "--force"]).await?.expect_code(0)?;
    let heard = listener.rest().await?;
    assert_eq!(heard.last().map(|event| event.name.as_str()), Some("gone"), "{heard:?}");
    site.served.api.get(&format!("{DEMO}/events")).await?.expect(404)?;

    let chancery = Chancery::on(&site.ledger.url)?;
    let run = chancery.start_signing(&manifest(), &[])?;
    let served = Served::start(&chancery).await?;
    let api = served.api.clone();
    eventually("there is the run", async || {
        api.get(&format!("{DEMO}/results")).await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    let mut listener = Listener::of(&api, None).await?;
    listener.until(|event| event.name == "progress").await?;
    let (ended, heard) = tokio::join!(served.stop(), listener.rest());
    let ended: Ended = ended?.expect_code(0)?;
    assert!(!ended.stderr.contains("too long"), "nothing had to be broken off: {}", ended.stderr);
    assert!(heard?.iter().all(|event| event.name == "progress"));
    drop(run);
    Ok(())
}
