//! Between a signer and PostgreSQL: counts how often the signer waits for an answer.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The file name that PostgreSQL and its clients give to a socket of this port.
const SOCKET: &str = ".s.PGSQL.5432";

/// Passes on what it is sent, until it is dropped.
pub(crate) struct Proxy {
    folder: TempDir,
    waits: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// In front of the server whose socket is in this folder.
    pub(crate) fn start(server: &Path) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join(SOCKET))?;
        let waits = Arc::new(AtomicU64::new(0));
        let (server, counted) = (server.join(SOCKET), Arc::clone(&waits));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&server).await else { return };
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(pass_on(from_client, to_server, Arc::clone(&counted)));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Ok(Self { folder, waits, task })
    }

    /// The given URL of a database, by way of this proxy.
    pub(crate) fn url(&self, direct: &str) -> String {
        let (place, rest) = direct.split_once("host=").expect("a URL of a socket");
        let (_, rest) = rest.split_once('&').expect("the port comes after the folder");
        format!("{place}host={}&{rest}", self.folder.path().display())
    }

    /// How often a client has asked for an answer and waited for it.
    pub(crate) fn round_trips(&self) -> u64 {
        self.waits.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    waits: Arc<AtomicU64>,
) -> io::Result<()> {
    let (mut messages, mut bytes) = (Messages::default(), vec![0; 64 << 10]);
    loop {
        let count = client.read(&mut bytes).await?;
        if count == 0 {
            return server.shutdown().await;
        }
        waits.fetch_add(messages.waits_in(&bytes[..count]), Ordering::SeqCst);
        server.write_all(&bytes[..count]).await?;
    }
}

/// Where one message ends and the next begins. The very first has no type, only a length
/// ([PostgreSQL, section 55.7](https://www.postgresql.org/docs/current/protocol-message-formats.html)).
#[derive(Default)]
struct Messages {
    greeted: bool,
    head: Vec<u8>,
    body_left: usize,
}

impl Messages {
    /// How many messages begin in these bytes after which a client waits: Sync, and a simple Query.
    fn waits_in(&mut self, mut bytes: &[u8]) -> u64 {
        let mut waits = 0;
        while !bytes.is_empty() {
            let skipped = self.body_left.min(bytes.len());
            self.body_left -= skipped;
            bytes = &bytes[skipped..];
            let Some((first, rest)) = bytes.split_first() else { break };
            self.head.push(*first);
            bytes = rest;
            let kind = usize::from(self.greeted);
            if let Some(length) = self.head[kind.min(self.head.len())..].first_chunk::<4>() {
                waits += u64::from(self.greeted && matches!(self.head[0], b'S' | b'Q'));
                self.body_left = usize::try_from(u32::from_be_bytes(*length)).expect("a length") - 4;
                self.head.clear();
                self.greeted = true;
            }
        }
        waits
    }
}

#[test]
fn messages_are_told_apart_however_they_are_cut() {
    let greeting = [0, 0, 0, 8, 0, 3, 0, 0].as_slice();
    let sync = [b'S', 0, 0, 0, 4].as_slice();
    let bind = [b'B', 0, 0, 0, 7, b'S', b'Q', b'S'].as_slice();
    let bytes = [greeting, bind, sync, bind, bind, sync].concat();
    for cut in 1..=bytes.len() {
        let mut messages = Messages::default();
        let waits: u64 = bytes.chunks(cut).map(|part| messages.waits_in(part)).sum();
        assert_eq!(waits, 2, "cut every {cut} bytes");
    }
}
