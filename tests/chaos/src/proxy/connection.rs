//! Both directions of one connection.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{End, Fate, Shared, Stream, Weather};
use crate::fault::Way;

const PIECE: usize = 64 << 10;

/// What the directions of a connection tell each other.
#[derive(Default)]
struct Between {
    requests: AtomicUsize,
    lose_answer: AtomicBool,
}

/// Passes on what comes, until either side ends, or it is ended.
pub(crate) async fn run(
    mut client: TcpStream,
    server: Box<dyn Stream>,
    shared: &Shared,
    mut ended: watch::Receiver<Option<End>>,
) {
    let (between, greeting) = (Between::default(), shared.server.greeting());
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = tokio::io::split(server);
    let up = async {
        pump(from_client, to_server, Way::Up, shared.weather(), |bytes| {
            if between.requests.fetch_add(1, Ordering::Relaxed) < greeting {
                return Fate::Passed;
            }
            let fate = shared.fate_of(bytes);
            if fate == Fate::LostAnswer {
                between.lose_answer.store(true, Ordering::Relaxed);
                return Fate::Passed;
            }
            fate
        })
        .await
    };
    let down = pump(from_server, to_client, Way::Down, shared.weather(), |_| {
        if between.lose_answer.load(Ordering::Relaxed) { Fate::LostItself } else { Fate::Passed }
    });
    let end = tokio::select! {
        // Whoever ends one direction has nothing to say in the other.
        end = up => end,
        end = down => end,
        end = ended.wait_for(Option::is_some) => end.ok().and_then(|end| *end).unwrap_or(End::Close),
    };
    if end == End::Reset {
        // Without it, closing says good-bye.
        let _ = client.set_zero_linger();
    }
}

/// One direction, to its end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    mut weather: watch::Receiver<Weather>,
    mut fate_of: impl FnMut(usize) -> Fate,
) -> End {
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece).await {
            Ok(0) => return End::Close,
            Ok(read) => read,
            Err(_) => return End::Reset,
        };
        let Weather { delay, rate, .. } = *weather.borrow();
        let transfer =
            rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(read as f64 / f64::from(rate)));
        tokio::time::sleep(delay + transfer).await;
        let passes = |weather: &Weather| weather.frozen.is_none_or(|at| at != way && at != Way::Both);
        // The sender outlives its connections, or everything ends anyway.
        let _ = weather.wait_for(passes).await;
        if fate_of(read) == Fate::LostItself {
            return End::Reset;
        }
        if write(&mut to, &piece[..read]).await.is_err() {
            return End::Reset;
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
    to.write_all(piece).await?;
    to.flush().await
}
