//! A network between the programs and a server, PostgreSQL or an object store, that does what networks do.
//!
//! It listens on loopback and passes on to the server. It knows nothing of the
//! protocol but that the client speaks first and that an answer comes only after the whole request: so
//! a request whose answer is taken away has been carried out, its COMMIT included, because each request
//! of the programs is a transaction of its own.

mod connection;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fault::{Message, STORE_BYTES, Way};

/// Where the server listens.
#[derive(Clone, Debug)]
pub enum Place {
    /// PostgreSQL, at this Unix socket.
    Socket(PathBuf),
    /// An object store, at this port of the loopback.
    Port(u16),
}

impl Place {
    /// Requests of a new connection that are left alone: those that log in.
    const fn greeting(&self) -> usize {
        match self {
            Self::Socket(_) => 6,
            Self::Port(_) => 0,
        }
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
        })
    }
}

/// A connection to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Closed, as by a peer that says good-bye.
    Close,
    /// Reset, as by a firewall that has forgotten it.
    Reset,
}

/// What happens to all that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    pub(crate) frozen: Option<Way>,
    pub(crate) delay: Duration,
    /// Bytes per second that each direction of a connection carries; no limit without it.
    pub(crate) rate: Option<u32>,
}

/// What is to be lost next.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    answers: [u32; 2],
    requests: [u32; 2],
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passed,
    LostItself,
    LostAnswer,
}

/// What the connections share.
pub(crate) struct Shared {
    pub(crate) server: Place,
    weather: watch::Sender<Weather>,
    losses: Mutex<Losses>,
    connections: Mutex<HashMap<u64, watch::Sender<Option<End>>>>,
}

/// A proxy; it ends, with all connections, when dropped.
pub struct Proxy {
    address: SocketAddr,
    latency: Duration,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens, and passes on to the server at this place.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn start(server: Place, latency: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let shared = Arc::new(Shared {
            server,
            weather: watch::Sender::new(Weather { frozen: None, delay: latency, rate: None }),
            losses: Mutex::default(),
            connections: Mutex::default(),
        });
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, latency, shared, accepting })
    }

    /// The URL of a database through this.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}?sslmode=disable", self.address)
    }

    /// Where an object store is found through this.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nothing passes in this direction until [`Proxy::thaw`]; new connections are taken all the same.
    pub fn freeze(&self, way: Way) {
        self.shared.weather.send_modify(|weather| weather.frozen = Some(way));
    }

    /// Ends [`Proxy::freeze`].
    pub fn thaw(&self) {
        self.shared.weather.send_modify(|weather| weather.frozen = None);
    }

    /// Everything is this much later until [`Proxy::hurry`].
    pub fn slow(&self, delay: Duration) {
        self.shared.weather.send_modify(|weather| weather.delay = delay);
    }

    /// Ends [`Proxy::slow`].
    pub fn hurry(&self) {
        self.slow(self.latency);
    }

    /// Connections carry so many bytes per second until [`Proxy::flow`].
    pub fn trickle(&self, bytes_per_second: u32) {
        self.shared.weather.send_modify(|weather| weather.rate = Some(bytes_per_second.max(1)));
    }

    /// Ends [`Proxy::trickle`].
    pub fn flow(&self) {
        self.shared.weather.send_modify(|weather| weather.rate = None);
    }

    /// Ends all connections.
    pub fn end_all(&self, end: End) {
        for connection in self.shared.connections().values() {
            connection.send_replace(Some(end));
        }
    }

    /// Ends one connection, if there is any.
    pub fn end_one(&self, pick: usize, end: End) {
        let connections = self.shared.connections();
        let mut numbers: Vec<u64> = connections.keys().copied().collect();
        numbers.sort_unstable();
        if let Some(number) = numbers.get(pick % numbers.len().max(1)) {
            connections[number].send_replace(Some(end));
        }
    }

    /// The answers of the next requests are lost: the connection is reset instead.
    pub fn lose_answers(&self, message: Message, count: u32) {
        self.shared.losses().answers[index(message)] += count;
    }

    /// The next requests are lost: the connection is reset instead.
    pub fn lose_requests(&self, message: Message, count: u32) {
        self.shared.losses().requests[index(message)] += count;
    }

    /// How many messages are yet to be lost.
    #[must_use]
    pub fn still_to_lose(&self) -> u32 {
        let losses = self.shared.losses();
        losses.answers.iter().chain(&losses.requests).sum()
    }

    /// Loses no more.
    pub fn lose_nothing(&self) {
        *self.shared.losses() = Losses::default();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.end_all(End::Reset);
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, HashMap<u64, watch::Sender<Option<End>>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn weather(&self) -> watch::Receiver<Weather> {
        self.weather.subscribe()
    }

    /// What becomes of a request that begins with a piece of this size.
    pub(crate) fn fate_of(&self, bytes: usize) -> Fate {
        let mut losses = self.losses();
        let stores = bytes >= STORE_BYTES;
        for message in [Message::Store, Message::Any] {
            if message == Message::Store && !stores {
                continue;
            }
            let Losses { answers, requests } = &mut *losses;
            for (left, fate) in [(answers, Fate::LostAnswer), (requests, Fate::LostItself)] {
                let left = &mut left[index(message)];
                if *left > 0 {
                    *left -= 1;
                    return fate;
                }
            }
        }
        Fate::Passed
    }
}

const fn index(message: Message) -> usize {
    match message {
        Message::Any => 0,
        Message::Store => 1,
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    while let Ok((client, _)) = listener.accept().await {
        let (number, end) = (NUMBER.fetch_add(1, Ordering::Relaxed), watch::Sender::new(None));
        let ended = end.subscribe();
        shared.connections().insert(number, end);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            pass_on(client, &shared, ended).await;
            shared.connections().remove(&number);
        });
    }
}

/// One connection, to its end.
async fn pass_on(client: TcpStream, shared: &Arc<Shared>, ended: watch::Receiver<Option<End>>) {
    // A server that is down refuses: the client sees its connection end.
    let Ok(server) = shared.server.connect().await else { return };
    let _ = client.set_nodelay(true);
    connection::run(client, server, shared, ended).await;
}
