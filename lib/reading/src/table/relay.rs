//! Stands between sqlx and a server, so that the connection goes to the address that was looked at: sqlx resolves names
//! by itself. Where no TLS proves who the server is, it sees to it that the password is not handed over, too.
//!
//! It is a Unix socket with a name of Linux's own that serves one connection of this process.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use uuid::Uuid;

/// The code of the error by which sqlx hears of a server that asked for too much.
pub(crate) const UNSAFE_LOGIN: &str = "CHUNS";

/// How long it waits for its one connection, which is asked for at once or never.
const ACCEPT: Duration = Duration::from_secs(10);

/// Bytes that a message of a login may have.
const MOST_BYTES: usize = 64 * 1024;

/// Starts one; the options lead through it.
pub(crate) fn start(
    options: &PgConnectOptions,
    server: TcpStream,
    verified: bool,
) -> io::Result<PgConnectOptions> {
    let name = format!("\0chancery-table-{}", Uuid::new_v4());
    let listener = UnixListener::bind(format!("{name}/.s.PGSQL.{}", options.get_port()))?;
    tokio::spawn(async move {
        let Ok(Ok(client)) = tokio::time::timeout(ACCEPT, accept(&listener)).await else { return };
        drop(listener);
        // Either end hears of it by its own connection, which closes.
        let _ended = serve(client, server, verified).await;
    });
    Ok(options.clone().socket(&name))
}

/// Others may find the name, too.
async fn accept(listener: &UnixListener) -> io::Result<UnixStream> {
    let own = i32::try_from(std::process::id()).ok();
    loop {
        let (client, _) = listener.accept().await?;
        if client.peer_cred().is_ok_and(|peer| peer.pid().is_some() && peer.pid() == own) {
            return Ok(client);
        }
    }
}

async fn serve(mut client: UnixStream, mut server: TcpStream, verified: bool) -> io::Result<()> {
    if !verified && let Some(why) = pass_login_on(&mut client, &mut server).await? {
        return refuse(&mut client, why).await;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Passes on what the server says up to its word that the login is over, and what the client answers. In SCRAM neither
/// side gets to know the password (PostgreSQL documentation, "SASL Authentication").
async fn pass_login_on(client: &mut UnixStream, server: &mut TcpStream) -> io::Result<Option<&'static str>> {
    let start = read_body(client).await?;
    server.write_all(&start).await?;
    loop {
        let kind = server.read_u8().await?;
        let body = read_body(server).await?;
        let code = body.get(4..8).and_then(|code| code.try_into().ok()).map(i32::from_be_bytes);
        match (kind, code) {
            (b'R', Some(0 | 10 | 11 | 12)) => {}
            (b'R', Some(3)) => return Ok(Some("it asked for it in clear text")),
            (b'R', Some(5)) => return Ok(Some("it asked for it as MD5")),
            (b'R', _) => return Ok(Some("it asked for another authentication than SCRAM")),
            _ => {}
        }
        client.write_u8(kind).await?;
        client.write_all(&body).await?;
        match (kind, code) {
            (b'Z', _) => return Ok(None),
            (b'R', Some(10 | 11)) => {
                server.write_u8(client.read_u8().await?).await?;
                let answer = read_body(client).await?;
                server.write_all(&answer).await?;
            }
            _ => {}
        }
    }
}

/// A message without its kind: its length, and what it is the length of.
async fn read_body(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if !(4..=MOST_BYTES).contains(&bytes) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of no possible length"));
    }
    let mut body = length.to_be_bytes().to_vec();
    body.resize(bytes, 0);
    from.read_exact(&mut body[4..]).await?;
    Ok(body)
}

/// In the words of a server.
async fn refuse(client: &mut UnixStream, why: &str) -> io::Result<()> {
    let fields = [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', UNSAFE_LOGIN), (b'M', why)];
    let mut body: Vec<u8> = Vec::new();
    for (field, text) in fields {
        body.push(field);
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    client.write_u8(b'E').await?;
    client.write_u32(u32::try_from(body.len() + 4).map_err(io::Error::other)?).await?;
    client.write_all(&body).await?;
    client.shutdown().await
}
