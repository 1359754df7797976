//! A network that carries few bytes per second between the programs and the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Listens on loopback and passes on to the server's Unix socket, each direction of each connection at a rate of its
/// own. Ends, with all connections, when dropped.
#[derive(Debug)]
pub struct SlowLink {
    port: u16,
    accepting: JoinHandle<()>,
}

impl SlowLink {
    /// A link to the server that listens at this Unix socket, for so many bytes per second.
    ///
    /// # Errors
    ///
    /// When no port is to be had.
    pub async fn to(socket: &Path, bytes_per_second: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let accepting = tokio::spawn(accept(listener, socket.to_owned(), bytes_per_second));
        Ok(Self { port, accepting })
    }

    /// The URL of a database through this.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, rate: usize) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass_on(client, socket.clone(), rate));
    }
}

async fn pass_on(client: TcpStream, socket: PathBuf, rate: usize) {
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever direction ends first ends both, as a connection does.
    tokio::select! {
        () = slowly(from_client, to_server, rate) => {}
        () = slowly(from_server, to_client, rate) => {}
    }
}

async fn slowly(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, rate: usize) {
    let mut buffer = vec![0; (rate / 50).max(1)];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs_f64(read as f64 / rate as f64)).await;
    }
}
