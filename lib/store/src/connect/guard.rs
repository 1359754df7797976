//! Stands between sqlx and a server that nobody vouches for, and sees what the server asks for before sqlx answers.
//!
//! A look at the server beforehand would prove nothing: whoever answers may answer differently the second time. So the
//! guard relays the very connection that is used. It is a Unix socket that only this process can use; behind it, the
//! guard connects to the server, encrypts as it was told, and passes on the login message by message
//! ([`handshake`]). After the login it copies bytes.

mod handshake;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncWrite, copy, split};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use uuid::Uuid;

use super::transport::Encryption;
use handshake::{Refusal, Rules};
use tls::Secured;

/// How long a login may take, in all.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted, which is when file descriptors run out.
const AFTER_REFUSAL: Duration = Duration::from_millis(200);

/// The server behind a guard.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encryption: Encryption,
    /// Whether the server has to prove that it knows the password, too.
    pub(crate) proof_wanted: bool,
}

/// A guard at work. Dropped, it takes no more connections; those that it has passed on live as long as both their ends.
#[derive(Debug)]
pub(crate) struct Guard {
    name: String,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Guard {
    /// Starts one. Needs a runtime of tokio.
    pub(crate) fn start(behind: &Behind) -> io::Result<Self> {
        // A name of Linux's own, which is in no folder: sqlx adds the name of a socket's file.
        let name = format!("\0chancery-guard-{}", Uuid::new_v4());
        let listener = UnixListener::bind(format!("{name}/.s.PGSQL.{}", behind.port))?;
        let accepting = tokio::spawn(accept(listener, Arc::new(behind.clone())));
        Ok(Self { name, accepting })
    }

    /// The options that lead through it.
    pub(crate) fn options(&self, options: &PgConnectOptions) -> PgConnectOptions {
        options.clone().socket(&self.name).ssl_mode(PgSslMode::Disable)
    }
}

async fn accept(listener: UnixListener, behind: Arc<Behind>) {
    loop {
        match listener.accept().await {
            // Others may find the name, too.
            Ok((client, _)) if is_own(&client) => {
                tokio::spawn(serve(client, Arc::clone(&behind)));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

fn is_own(client: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    client.peer_cred().is_ok_and(|peer| peer.pid().is_some() && peer.pid() == own)
}

async fn serve(mut client: UnixStream, behind: Arc<Behind>) {
    let login = async {
        let mut server = connect(&behind).await?;
        let rules = Rules { proof_wanted: behind.proof_wanted };
        handshake::pass_on(&mut client, &mut server, rules).await?;
        Ok::<_, Refusal>(server)
    };
    match tokio::time::timeout(LOGIN_TIMEOUT, login).await {
        Ok(Ok(server)) => relay(client, server).await,
        // The client says it: sqlx reads this as the server's own words.
        Ok(Err(refusal)) => {
            let _read = handshake::refuse(&mut client, &refusal).await;
        }
        Err(_) => {}
    }
}

async fn connect(behind: &Behind) -> Result<Secured, Refusal> {
    let stream = TcpStream::connect((behind.host.trim_start_matches('[').trim_end_matches(']'), behind.port));
    let stream = stream.await.map_err(Refusal::Unreachable)?;
    stream.set_nodelay(true).map_err(Refusal::Unreachable)?;
    tls::secure(stream, &behind.host, &behind.encryption).await
}

/// Copies until one end closes. Then nobody is left to read what the other would send.
async fn relay(client: UnixStream, server: impl AsyncRead + AsyncWrite) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = split(server);
    tokio::select! {
        _ended = copy(&mut from_client, &mut to_server) => {}
        _ended = copy(&mut from_server, &mut to_client) => {}
    }
}

#[cfg(test)]
mod tests;
