//! A webhook of a test: it answers about each record as the test has it, takes each event, or does what webhooks must not do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It is answered, record by record.
    Answers,
    /// It is answered record by record once so long has passed.
    AnswersAfter(Duration),
    /// It is answered once so many are open at the same time, and from then on.
    AnswersTogether(usize),
    /// It is answered with this status.
    Status(u16),
    /// Whoever asks may send events, and each of them is answered with this status.
    Refuses(u16),
    /// Whoever asks may send events, and each call is answered with 429, and to be left alone for so many seconds.
    AsksToWait(u64),
    /// Whoever asks whether they may send events is not told so.
    TakesNoEvents,
    /// It is not answered before the conduct is another one, by which it is then answered.
    Silent,
    /// Its answer is of other records.
    OfOthers,
    /// Its answer is no JSON.
    Nonsense,
    /// Its answer is broken off.
    CutOff,
    /// Its answer is longer than any may be.
    Endless,
    /// It is read to its end, and the connection then closed without an answer.
    Unanswered,
    /// It is refused for good if its body has this text.
    RefusesWhatHas(&'static str),
    /// It is answered with 500 if its body has this text.
    FailsWithWhatHas(&'static str),
    /// It is answered if it shows this bearer token.
    Wants(&'static str),
}

/// A call that came.
#[derive(Clone, Debug)]
pub struct Called {
    /// `POST`, or `OPTIONS` of whoever asks whether they may send events.
    pub method: String,
    /// Headers by their names in small letters.
    pub headers: HashMap<String, String>,
    /// The body, byte for byte.
    pub body: String,
}

/// Listens on loopback. Ends when dropped.
#[derive(Debug)]
pub struct WebhookServer {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

type Answer = dyn Fn(&Value) -> Value + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    conduct: watch::Sender<Conduct>,
    calls: Mutex<Vec<Called>>,
    /// How many calls there were, and how many are open.
    counts: watch::Sender<(usize, usize)>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("conduct", &*self.conduct.borrow()).finish_non_exhaustive()
    }
}

impl WebhookServer {
    /// One that says this of each record, beside its id.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn saying(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            conduct: watch::Sender::new(Conduct::Answers),
            calls: Mutex::default(),
            counts: watch::Sender::new((0, 0)),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// One that gives each record the points of its `number`.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn scoring() -> anyhow::Result<Self> {
        Self::saying(|record| json!({"score": record["number"]})).await
    }

    /// Where it is called.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/score", self.port)
    }

    /// What becomes of calls from now on.
    pub fn conduct(&self, conduct: Conduct) {
        self.shared.conduct.send_replace(conduct);
    }

    /// The calls that came so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Called> {
        self.shared.calls().clone()
    }

    /// The events that came, in their order, each time that they came.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let posted = self.calls().into_iter().filter(|call| call.method == "POST");
        posted.map(|call| serde_json::from_str(&call.body).unwrap_or_default()).collect()
    }

    /// Waits until so many calls have come.
    pub async fn called(&self, times: usize) {
        // The sender lives as long as this.
        let _ = self.shared.counts.subscribe().wait_for(|(calls, _)| *calls >= times).await;
    }

    /// The ids of the records that it was asked about, one for each time.
    #[must_use]
    pub fn asked_about(&self) -> Vec<String> {
        let of_call = |call: &Called| -> Vec<String> {
            let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
            let records = body["records"].as_array().cloned().unwrap_or_default();
            records.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)).collect()
        };
        self.shared.calls().iter().flat_map(of_call).collect()
    }
}

impl Drop for WebhookServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn calls(&self) -> MutexGuard<'_, Vec<Called>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A connection that breaks is what some tests are for.
            let _ = serve(client, &shared).await;
        });
    }
}

async fn serve(client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    while let Some(called) = read(&mut client).await? {
        shared.calls().push(called.clone());
        shared.counts.send_modify(|(calls, open)| (*calls, *open) = (*calls + 1, *open + 1));
        let answered = answer(&mut client, &called, shared).await;
        shared.counts.send_modify(|(_, open)| *open -= 1);
        answered?;
    }
    Ok(())
}

/// A request; none once the client has gone.
async fn read(client: &mut BufReader<TcpStream>) -> std::io::Result<Option<Called>> {
    let mut line = String::new();
    if client.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let method = line.split(' ').next().unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        client.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    Ok(Some(Called { method, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}

async fn answer(client: &mut BufReader<TcpStream>, called: &Called, shared: &Shared) -> std::io::Result<()> {
    let mut conduct = *shared.conduct.borrow();
    if called.method == "OPTIONS" && !matches!(conduct, Conduct::Status(_) | Conduct::CutOff) {
        let allowed = if conduct == Conduct::TakesNoEvents { "" } else { "WebHook-Allowed-Origin: *\r\n" };
        let answer = format!("HTTP/1.1 200 Said\r\n{allowed}Content-Length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).await?;
        return client.flush().await;
    }
    if let Conduct::AnswersTogether(number) = conduct
        && shared.counts.borrow().1 >= number
    {
        shared.conduct.send_replace(Conduct::Answers);
    }
    if matches!(conduct, Conduct::Silent | Conduct::AnswersTogether(_)) {
        let mut changes = shared.conduct.subscribe();
        let changed = changes.wait_for(|now| *now != conduct).await;
        conduct = changed.map_or(Conduct::CutOff, |now| *now);
    }
    if let Conduct::AnswersAfter(time) = conduct {
        tokio::time::sleep(time).await;
    }
    match conduct {
        Conduct::Answers | Conduct::AnswersAfter(_) | Conduct::AnswersTogether(_) => {
            say(client, 200, &said(called, shared, "")).await
        }
        Conduct::TakesNoEvents => say(client, 200, "").await,
        Conduct::Status(status) | Conduct::Refuses(status) => say(client, status, "").await,
        Conduct::AsksToWait(seconds) => {
            let answer = format!("HTTP/1.1 429 Said\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n");
            client.write_all(answer.as_bytes()).await?;
            client.flush().await
        }
        Conduct::OfOthers => say(client, 200, &said(called, shared, "f")).await,
        Conduct::Nonsense => say(client, 200, "<html></html>").await,
        Conduct::Endless => say(client, 200, &" ".repeat(1 << 20)).await,
        Conduct::Unanswered => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Conduct::RefusesWhatHas(text) if called.body.contains(text) => {
            say(client, 422, "the receiver does not take this\nand says more").await
        }
        Conduct::Wants(token) if called.headers.get("authorization") != Some(&format!("Bearer {token}")) => {
            say(client, 401, "").await
        }
        Conduct::FailsWithWhatHas(text) if called.body.contains(text) => say(client, 500, "").await,
        Conduct::RefusesWhatHas(_) | Conduct::FailsWithWhatHas(_) | Conduct::Wants(_) => {
            say(client, 200, "").await
        }
        Conduct::CutOff | Conduct::Silent => {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await?;
            client.get_mut().shutdown().await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
    }
}

/// Of each record, under its id with something before it.
fn said(called: &Called, shared: &Shared, before: &str) -> String {
    let body: Value = serde_json::from_str(&called.body).unwrap_or_default();
    let records = body["records"].as_array().cloned().unwrap_or_default();
    let answers = records.iter().map(|record| {
        let mut answer = (shared.answer)(&record["record"]);
        answer["id"] = json!(format!("{before}{}", record["id"].as_str().unwrap_or_default()));
        answer
    });
    json!({ "answers": answers.collect::<Vec<_>>() }).to_string()
}

async fn say(client: &mut BufReader<TcpStream>, status: u16, body: &str) -> std::io::Result<()> {
    // In one go: the second of two would wait for the client's acknowledgement of the first, which takes 40 ms.
    let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client.write_all(answer.as_bytes()).await?;
    client.flush().await
}
