//! A way to an object store on which the request that a test chooses goes wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The connection is reset before the store hears of it.
    Reset,
    /// 503, and the store does not hear of it.
    Unavailable,
    /// Half of the answer comes, and then a reset: the store has done what it was asked.
    CutOff,
    /// It waits for [`HttpRelay::release`], and is then passed on.
    Held,
}

/// Listens on loopback and passes requests on to a port of it. Ends when dropped.
#[derive(Debug)]
pub struct HttpRelay {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    planned: Mutex<Planned>,
    stands: watch::Sender<bool>,
    released: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Planned {
    requests: usize,
    mishaps: HashMap<usize, Mishap>,
    /// The same by a part of what is asked for.
    of_paths: Vec<(String, Mishap)>,
    /// What every request is answered with instead of being passed on.
    refusal: Option<Refusal>,
    /// The one access key that is known; every other is refused. None: whatever is shown is passed on.
    key: Option<String>,
    /// Whether a condition is left out of what is passed on.
    is_careless: bool,
}

/// What a store that is not well answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 503: later.
    Away,
    /// 507, as MinIO has it: no room.
    Full,
}

impl HttpRelay {
    /// A relay to this port.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn to(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            server,
            planned: Mutex::default(),
            stands: watch::Sender::new(false),
            released: watch::Sender::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// Where a store is found through this.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What becomes of the request with this number, the first being 1.
    pub fn plan(&self, request: usize, mishap: Mishap) {
        self.shared.planned().mishaps.insert(request, mishap);
    }

    /// What becomes of the next request in whose path there is this text.
    pub fn plan_of(&self, path: &str, mishap: Mishap) {
        self.shared.planned().of_paths.push((path.to_owned(), mishap));
    }

    /// Whether all has happened that was planned.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let planned = self.shared.planned();
        planned.mishaps.is_empty() && planned.of_paths.is_empty()
    }

    /// Whether every request is answered with 503 from now on.
    pub fn set_away(&self, away: bool) {
        self.refuse(away.then_some(Refusal::Away));
    }

    /// What every request is answered with from now on; nothing, and it is passed on again.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.shared.planned().refusal = refusal;
    }

    /// From now on, requests that are signed with another access key are refused as S3 refuses them.
    pub fn know(&self, key: &str) {
        self.shared.planned().key = Some(key.to_owned());
    }

    /// Whether, from now on, the store is one that does not look at `If-None-Match`, and writes over what is there.
    pub fn set_careless(&self, careless: bool) {
        self.shared.planned().is_careless = careless;
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.planned().requests
    }

    /// Waits until a request is held.
    pub async fn holds(&self) {
        // The sender lives as long as this.
        let _ = self.shared.stands.subscribe().wait_for(|stands| *stands).await;
    }

    /// Passes on what is held, from now on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

impl Drop for HttpRelay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn planned(&self) -> MutexGuard<'_, Planned> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next request: an answer at once, or a mishap on its way.
    fn fate_of_next(&self, head: &str) -> Result<Option<Mishap>, &'static str> {
        let mut planned = self.planned();
        planned.requests += 1;
        let number = planned.requests;
        let is_known = |key: &String| head.contains(&format!("Credential={key}/"));
        let asked = head.lines().next().unwrap_or_default();
        let of_path = planned.of_paths.iter().position(|(path, _)| asked.contains(path));
        match planned.refusal {
            Some(Refusal::Away) => Err(AWAY),
            Some(Refusal::Full) => Err(FULL),
            None if !planned.key.as_ref().is_none_or(is_known) => Err(UNKNOWN_KEY),
            None => {
                let of_path = of_path.map(|place| planned.of_paths.remove(place).1);
                match planned.mishaps.remove(&number).or(of_path) {
                    Some(Mishap::Unavailable) => Err(AWAY),
                    mishap => Ok(mishap),
                }
            }
        }
    }
}

const AWAY: &str = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const FULL: &str = "HTTP/1.1 507 Insufficient Storage\r\nConnection: close\r\n\r\n\
    <Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>";
const UNKNOWN_KEY: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n\
    <Error><Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not exist in our records.</Message></Error>";

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A connection that breaks is what this is for.
            let _ = pass_on(client, &shared).await;
        });
    }
}

/// One request and its answer, and no more of them on this connection.
async fn pass_on(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(head) = head(&mut client).await? else { return Ok(()) };
    let mut body = vec![0; length(&head)];
    client.read_exact(&mut body).await?;
    let mishap = match shared.fate_of_next(&head) {
        Ok(mishap) => mishap,
        Err(answer) => return client.write_all(answer.as_bytes()).await,
    };
    match mishap {
        Some(Mishap::Reset) => return client.set_zero_linger(),
        Some(Mishap::Held) => {
            shared.stands.send_replace(true);
            let _ = shared.released.subscribe().wait_for(|released| *released).await;
        }
        Some(Mishap::Unavailable | Mishap::CutOff) | None => {}
    }
    let is_careless = shared.planned().is_careless;
    let mut server = TcpStream::connect(("127.0.0.1", shared.server)).await?;
    let (request, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let is_passed = |line: &&str| !is_careless || !named(line, "if-none-match");
    let headers: String = headers.split_inclusive("\r\n").filter(is_passed).collect();
    server.write_all(format!("{request}\r\nConnection: close\r\n{headers}").as_bytes()).await?;
    server.write_all(&body).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if mishap == Some(Mishap::CutOff) {
        client.write_all(&answer[..answer.len() / 2]).await?;
        return client.set_zero_linger();
    }
    client.write_all(&answer).await
}

/// Whether a line of a head is the header of this name.
fn named(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(is, _)| is.eq_ignore_ascii_case(name))
}

/// How long the body is.
fn length(head: &str) -> usize {
    let line = head.lines().find(|line| named(line, "content-length"));
    line.and_then(|line| line.split_once(':')?.1.trim().parse().ok()).unwrap_or(0)
}

/// A request up to its empty line; none when the client has gone.
async fn head(client: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return Ok(None) };
        head.push(byte);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}
