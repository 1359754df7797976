//! A way to the server that stands still at the request that a test chooses, so that a program can be killed, or the
//! server crash, at every step of what they say to each other.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The server has not heard of it.
    Unasked,
    /// The server has carried it out, and whoever asked has not heard of it.
    Unanswered,
}

/// Listens on loopback and passes on to the server's Unix socket, whole messages of PostgreSQL's protocol. Ends, with all
/// connections, when dropped.
#[derive(Debug)]
pub struct StepRelay {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    /// How many requests are to pass yet, and what is done with the next.
    hold: Mutex<Option<(usize, Point)>>,
    stands: watch::Sender<bool>,
    /// Counts how often all connections were cut.
    cuts: watch::Sender<u32>,
}

impl StepRelay {
    /// A relay to the server that listens at this Unix socket, which stands still at the request with this number, the
    /// first being 1. Logging in is no request.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn to(socket: &Path, step: usize, point: Point) -> anyhow::Result<Self> {
        let relay = Self::passing(socket).await?;
        relay.hold(step, point);
        Ok(relay)
    }

    /// A relay through which everything passes, until [`StepRelay::hold`].
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn passing(socket: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            socket: socket.to_owned(),
            hold: Mutex::default(),
            stands: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// Stands still at the request with this number from now on, the first that comes being 1.
    pub fn hold(&self, step: usize, point: Point) {
        self.shared.stands.send_replace(false);
        let mut hold = self.shared.hold.lock().unwrap_or_else(PoisonError::into_inner);
        *hold = Some((step.saturating_sub(1), point));
    }

    /// Lets everything pass again that comes from now on. Returns whether it had still to stand still.
    pub fn pass(&self) -> bool {
        self.shared.hold.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// The URL of a database through this.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Waits until it stands still.
    pub async fn stands(&self) {
        // The sender lives as long as this.
        let _ = self.shared.stands.subscribe().wait_for(|stands| *stands).await;
    }

    /// Ends all connections. From then on, everything passes.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for StepRelay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    /// Whether this request is the one, and where it is to be held.
    fn holds_this(&self) -> Option<Point> {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, point) = hold.as_mut()?;
        let point = *point;
        if *left == 0 {
            *hold = None;
            return Some(point);
        }
        *left -= 1;
        None
    }

    async fn stand_still(&self) -> std::io::Result<()> {
        self.stands.send_replace(true);
        pending().await
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let mut cuts = shared.cuts.subscribe();
        tokio::spawn(async move {
            // A server that is down refuses: the client sees its connection end.
            let Ok(server) = UnixStream::connect(&shared.socket).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let keeps_answer = AtomicBool::new(false);
            // Whichever ends first ends the connection.
            tokio::select! {
                _ended = requests(from_client, to_server, &shared, &keeps_answer) => {}
                _ended = answers(from_server, to_client, &shared, &keeps_answer) => {}
                _cut = cuts.changed() => {}
            }
        });
    }
}

async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    keeps_answer: &AtomicBool,
) -> std::io::Result<()> {
    // The first message has no type.
    let first = message(&mut from, 0).await?;
    to.write_all(&first).await?;
    loop {
        let message = message(&mut from, 1).await?;
        // Sync, or a simple query: the server answers after these.
        if matches!(message.first(), Some(b'S' | b'Q')) {
            match shared.holds_this() {
                None => {}
                Some(Point::Unasked) => shared.stand_still().await?,
                Some(Point::Unanswered) => keeps_answer.store(true, Ordering::SeqCst),
            }
        }
        to.write_all(&message).await?;
    }
}

async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    keeps_answer: &AtomicBool,
) -> std::io::Result<()> {
    loop {
        let message = message(&mut from, 1).await?;
        if !keeps_answer.load(Ordering::SeqCst) {
            to.write_all(&message).await?;
        } else if message.first() == Some(&b'Z') {
            // Ready for the next one: this one is committed.
            shared.stand_still().await?;
        }
    }
}

/// The next message: `type_bytes` of type, a length that counts itself, and the rest.
async fn message(from: &mut (impl AsyncRead + Unpin), type_bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; type_bytes + 4];
    from.read_exact(&mut message).await?;
    let mut length = [0; 4];
    length.copy_from_slice(&message[type_bytes..]);
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let whole = length.max(4) + type_bytes;
    let head = message.len();
    message.resize(whole, 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(message)
}
