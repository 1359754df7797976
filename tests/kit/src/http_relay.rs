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
    /// Half of the answer comes, and then a reset.
    CutOff,
    /// It waits for [`HttpRelay::release`], and is then passed on.
    Held,
}

/// Listens on loopback and passes requests without a body on to a port of it. Ends when dropped.
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
    /// Nothing passes.
    away: bool,
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

    /// Whether every request is answered with 503 from now on.
    pub fn set_away(&self, away: bool) {
        self.shared.planned().away = away;
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

    fn mishap_of_next(&self) -> Option<Mishap> {
        let mut planned = self.planned();
        planned.requests += 1;
        let number = planned.requests;
        if planned.away { Some(Mishap::Unavailable) } else { planned.mishaps.remove(&number) }
    }
}

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
    let mishap = shared.mishap_of_next();
    match mishap {
        Some(Mishap::Reset) => return client.set_zero_linger(),
        Some(Mishap::Unavailable) => {
            return client
                .write_all(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
        }
        Some(Mishap::Held) => {
            shared.stands.send_replace(true);
            let _ = shared.released.subscribe().wait_for(|released| *released).await;
        }
        Some(Mishap::CutOff) | None => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", shared.server)).await?;
    let (request, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    server.write_all(format!("{request}\r\nConnection: close\r\n{headers}").as_bytes()).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if mishap == Some(Mishap::CutOff) {
        client.write_all(&answer[..answer.len() / 2]).await?;
        return client.set_zero_linger();
    }
    client.write_all(&answer).await
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
