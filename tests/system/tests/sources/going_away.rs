//! A database that is read goes away in the middle.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chancery_kit::{TestLedger, TestRun, server};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::counted;
use crate::tables::execute;

/// Bytes of an answer that come through before the connection breaks: more than one admission, and not all.
const BROKEN_AFTER: usize = 3_000_000;

/// Connections that break so.
const BREAK: usize = 3;

/// A port that leads to the tests' server, and breaks the first connections. Returns how many there were.
async fn breaking(socket: PathBuf) -> anyhow::Result<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let breaks = count.fetch_add(1, Ordering::Relaxed) < BREAK + 1;
            let socket = socket.clone();
            tokio::spawn(async move {
                let server = UnixStream::connect(socket).await?;
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                let mut left = if breaks { BROKEN_AFTER } else { usize::MAX };
                let mut piece = vec![0; 64 * 1024];
                while left > 0 {
                    let read = from_server.read(&mut piece).await?;
                    if read == 0 {
                        break;
                    }
                    to_client.write_all(&piece[..read.min(left)]).await?;
                    left -= read.min(left);
                }
                up.abort();
                anyhow::Ok(())
            });
        }
    });
    Ok((port, connections))
}

#[tokio::test]
async fn a_database_that_goes_away_in_the_middle_is_waited_for() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let url = TestLedger::empty_database().await?;
    execute(
        &url,
        "CREATE TABLE payments AS SELECT n AS id, repeat('x', 500) || n AS payload FROM generate_series(1, 24000) n",
    )
    .await?;
    let socket = server().socket_dir().join(format!(".s.PGSQL.{}", server().port()));
    let (port, connections) = breaking(socket).await?;
    let (name, user) = (url.rsplit_once('/').expect("a path").1, "postgres");
    let name = name.split('?').next().expect("a name");
    let user = url.split_once("user=").map_or(user, |(_, rest)| rest.split('&').next().unwrap_or(user));
    let table = json!({"query": "TABLE payments", "orderBy": ["id"], "payload": "payload"});
    let description = json!({"table": table, "url": format!("postgres://{user}@127.0.0.1:{port}/{name}")});
    let run = TestRun::new().keys(1).batch_size(10_000).reads_described("rows", description);
    let run = run.created(&ledger).await?.stocked().await?;
    let (code, log) = run.start_intake("one").await?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("is not available: ") && log.contains("reading continues once it answers"), "{log}");
    assert!(connections.load(Ordering::Relaxed) > BREAK, "{log}");
    assert_eq!(counted(&run).await?, (24_000, 24_000, 0, 0));
    run.finish().await
}
