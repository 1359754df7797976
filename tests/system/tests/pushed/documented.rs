//! Each operation refuses with every status that its document names, and with no other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chancery_kit::{Manifest, TestLedger, eventually, throw_away};
use futures::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Answer, Api, DEMO, NDJSON, answer};
use crate::{Site, manifest};

/// Given on a cluster alone, and where the database refuses what it is asked.
const NOT_HERE: [u16; 2] = [403, 500];

/// Bodies of the longest that may be, and how many of them there is room for.
const LONGEST: usize = 8 << 20;
const BODIES: usize = 4;

/// Streams of events that may be open.
const STREAMS: usize = 256;

const JSON: &str = "application/json";

/// What is asked of the API.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    kind: &'static str,
    body: String,
}

impl Request {
    fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), kind: NDJSON, body: String::new() }
    }

    fn post(path: impl Into<String>, kind: &'static str, body: impl Into<String>) -> Self {
        Self { method: "POST", path: path.into(), kind, body: body.into() }
    }

    /// Of another run or keyring.
    fn of(&self, name: &str) -> Self {
        let path = self.path.replace("/runs/demo", &format!("/runs/{name}"));
        Self { path: path.replace("/keyrings/ring", &format!("/keyrings/{name}")), ..self.clone() }
    }

    async fn ask(&self, api: &Api) -> anyhow::Result<Answer> {
        api.ask(self.method, &self.path, &[("content-type", self.kind)], &self.body).await
    }

    /// Its head, and what follows, which may be anything.
    async fn begin(&self, api: &Api, rest: &[u8]) -> anyhow::Result<TcpStream> {
        let mut stream = api.connect().await?;
        let head = api.head(self.method, &self.path, &[("content-type", self.kind)]);
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(rest).await?;
        Ok(stream)
    }
}

/// What is refused, by the operation.
#[derive(Default)]
struct Given(BTreeMap<String, (Request, BTreeSet<u16>)>);

impl Given {
    /// A request of the operation `name`, or one that is like it, was answered so.
    fn note(&mut self, name: &str, request: &Request, answer: &Answer, wanted: u16) -> anyhow::Result<()> {
        anyhow::ensure!(answer.status == wanted, "{name}: {wanted} is expected: {answer:?}");
        let (_, given) = self.0.entry(name.to_owned()).or_insert_with(|| (request.clone(), BTreeSet::new()));
        given.insert(wanted);
        Ok(())
    }
}

/// One good request of each operation; of one dead letter, by its cursor.
fn operations(letter: &str) -> [(&'static str, Request); 13] {
    let into = "{\"into\": \"demo-2\"}";
    [
        ("push", Request::post(format!("{DEMO}/records"), NDJSON, "1\n")),
        ("seal", Request::post(format!("{DEMO}/seal"), NDJSON, "")),
        ("get", Request::get(format!("{DEMO}/records/1"))),
        ("find", Request::get(format!("{DEMO}/records?digest={ONE}"))),
        ("results", Request::get(format!("{DEMO}/results"))),
        ("dead", Request::get(format!("{DEMO}/dead-letters"))),
        ("letter", Request::get(format!("{DEMO}/dead-letters/{letter}"))),
        ("log", Request::get(format!("{DEMO}/dead-letters/log"))),
        ("discard", Request::post(format!("{DEMO}/dead-letters/discard"), JSON, "{\"all\": true}")),
        ("redrive", Request::post(format!("{DEMO}/dead-letters/redrive"), JSON, into)),
        ("watch", Request::get(format!("{DEMO}/events"))),
        ("keys", Request::get(format!("{DEMO}/jwks.json"))),
        ("ring", Request::get("/v1/namespaces/default/keyrings/ring/jwks.json")),
    ]
}

/// SHA-256 of the payload `1`.
const ONE: &str = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";

/// What is wrong with a request, whatever else is under way.
fn wrong() -> Vec<(&'static str, u16, Request)> {
    let (records, redrive) = (format!("{DEMO}/records"), format!("{DEMO}/dead-letters/redrive"));
    let discard = format!("{DEMO}/dead-letters/discard");
    let push = Request::post(&records, NDJSON, "1\n");
    vec![
        ("push", 400, Request::post(format!("{records}?wait=61"), NDJSON, "1\n")),
        ("push", 409, push.of("generated")),
        ("push", 413, Request::post(&records, NDJSON, "1\n".repeat(10_001))),
        ("push", 415, Request::post(&records, "application/cloudevents+avro", "1\n")),
        ("push", 422, Request::post(&records, NDJSON, "no\n".repeat(1_001))),
        ("seal", 409, Request::post(format!("{DEMO}/seal"), NDJSON, "").of("generated")),
        ("get", 400, Request::get(format!("{DEMO}/records/first"))),
        ("find", 400, Request::get(format!("{DEMO}/records?digest=1"))),
        ("find", 409, Request::get(format!("{DEMO}/records?digest={ONE}")).of("generated")),
        ("results", 400, Request::get(format!("{DEMO}/results?limit=0"))),
        ("dead", 400, Request::get(format!("{DEMO}/dead-letters?after=first"))),
        ("letter", 400, Request::get(format!("{DEMO}/dead-letters/first"))),
        ("discard", 400, Request::post(&discard, JSON, "{}")),
        ("discard", 409, Request::post(&discard, JSON, "{\"select\": {\"rule\": \"none\"}}")),
        ("discard", 415, Request::post(&discard, NDJSON, "{\"all\": true}")),
        ("redrive", 400, Request::post(&redrive, JSON, "{\"in\": \"demo-2\"}")),
        // The run is not sealed.
        ("redrive", 409, Request::post(&redrive, JSON, "{\"into\": \"demo-2\"}")),
        ("redrive", 415, Request::post(&redrive, NDJSON, "{\"into\": \"demo-2\"}")),
    ]
}

/// Has all the room for bodies taken by such as come a byte a second, for as long as the tasks are there. One that is refused or
/// cut off begins again.
fn no_room(api: &Api) -> JoinSet<()> {
    let most = format!("content-length: {LONGEST}\r\n\r\n{}", " ".repeat(LONGEST - 1_000));
    let push = Request::post(format!("{DEMO}/records"), NDJSON, "");
    (0..BODIES).map(|_| hold(api.clone(), push.clone(), most.clone())).collect()
}

async fn hold(api: Api, push: Request, most: String) {
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        if let Ok(mut body) = push.begin(&api, most.as_bytes()).await {
            while body.write_all(b" ").await.is_ok() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Streams of events that have begun, as many as there may be.
async fn streams(api: &Api) -> anyhow::Result<Vec<TcpStream>> {
    let watch = Request::get(format!("{DEMO}/events"));
    try_join_all((0..STREAMS).map(async |_| {
        let mut stream = watch.begin(api, b"\r\n").await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        anyhow::ensure!(&status == b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&status));
        Ok(stream)
    }))
    .await
}

#[tokio::test]
async fn every_operation_refuses_with_what_its_document_names() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "documented").await?;
    let site = Site::on(ledger, &manifest().with("keyringRef", "{name: ring}")).await?;
    let api = site.served.api.clone();
    site.chancery.sign(&Manifest::new().named("generated").of(10, 1, 10), &[]).await?.expect_code(0)?;
    api.push("?wait=60", "1\nno\nnever\n").await?.expect(200)?;
    // One is left, and of the other it is written down what was done with it.
    let discard = Request::post(
        format!("{DEMO}/dead-letters/discard"),
        JSON,
        "{\"select\": {\"selector\": \"position == 2\"}}",
    );
    discard.ask(&api).await?.expect(200)?;
    let letters = api.get(&format!("{DEMO}/dead-letters?limit=1")).await?.expect(200)?.lines()?;
    let letter = letters[0]["cursor"].as_str().unwrap_or_default().to_owned();
    let operations = || operations(&letter);
    let mut given = Given::default();
    for (name, request) in operations() {
        let stranger = Api { token: "x".repeat(64), ..api.clone() };
        given.note(name, &request, &request.ask(&stranger).await?, 401)?;
        given.note(name, &request, &request.of("other").ask(&api).await?, 404)?;
        given.note(name, &request, &request.of("%ff").ask(&api).await?, 404)?;
    }
    for (name, status, request) in wrong() {
        given.note(name, &request, &request.ask(&api).await?, status)?;
    }
    // What does not come, and more than may be, before a byte of it.
    let with_body = || operations().into_iter().filter(|(_, request)| !request.body.is_empty());
    let mut slow = Vec::new();
    for (name, request) in with_body() {
        slow.push((name, request.begin(&api, b"content-length: 100\r\n\r\n").await?, request.clone()));
        let mut long = request.begin(&api, b"content-length: 99999999999\r\n\r\n").await?;
        given.note(name, &request, &answer(&mut long).await?, 413)?;
    }
    for (name, mut slow, request) in slow {
        given.note(name, &request, &answer(&mut slow).await?, 408)?;
    }
    let need_room: Vec<_> =
        operations().into_iter().filter(|(name, _)| !["seal", "watch"].contains(name)).collect();
    let (held, mut answers) = (no_room(&api), Vec::new());
    eventually("there is no room", async || {
        let asked = try_join_all(need_room.iter().map(|(_, request)| request.ask(&api))).await;
        answers = asked.unwrap_or_default();
        !answers.is_empty() && answers.iter().all(|answer| answer.status == 429)
    })
    .await;
    for ((name, request), answer) in need_room.iter().zip(&answers) {
        given.note(name, request, answer, 429)?;
    }
    drop(held);
    let watched = streams(&api).await?;
    let watch = Request::get(format!("{DEMO}/events"));
    given.note("watch", &watch, &watch.ask(&api).await?, 429)?;
    drop(watched);

    server.stop_immediate()?;
    for (name, request) in operations() {
        given.note(name, &request, &request.ask(&api).await?, 503)?;
    }
    server.start_again()?;
    let document = api.document().await?;
    assert_eq!(given.0.len(), operations().len());
    for (name, (request, mut given)) in given.0 {
        given.extend(NOT_HERE);
        assert_eq!(given, document.refusals(request.method, &request.path), "{name}");
    }
    eventually("it is sealed", async || api.seal().await.is_ok_and(|answer| answer.status == 200)).await;
    assert_eq!(site.end().await?["signed"], 1);
    Ok(())
}
