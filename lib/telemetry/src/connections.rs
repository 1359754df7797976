//! Takes connections, so that those who say nothing keep nobody out.
//!
//! Where there is no room for one more, the oldest makes room: a request that is sent at once is answered in
//! milliseconds, so that the oldest is one that waits for nothing good. A peer that has its share makes room by
//! its own, and never by another's.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Connections that are open at the same time.
pub(crate) const AT_ONCE: usize = 64;

/// Those of one address among them: a kubelet's or a Prometheus' are one or two.
pub(crate) const OF_ONE_PEER: usize = 8;

/// Pause after a connection could not be accepted, which is when file descriptors run out.
const AFTER_REFUSAL: Duration = Duration::from_millis(200);

struct Open {
    peer: IpAddr,
    task: AbortHandle,
}

/// Takes connections for good, and has each answered.
pub(crate) async fn accept<A>(listener: TcpListener, answer: impl Fn(TcpStream) -> A)
where
    A: Future<Output = ()> + Send + 'static,
{
    let mut open = VecDeque::with_capacity(AT_ONCE);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = peer.ip().to_canonical();
                make_room(&mut open, peer);
                let task = tokio::spawn(answer(stream)).abort_handle();
                open.push_back(Open { peer, task });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

fn make_room(open: &mut VecDeque<Open>, peer: IpAddr) {
    open.retain(|it| !it.task.is_finished());
    let of_the_peer = open.iter().filter(|it| it.peer == peer).count();
    let leaves = if of_the_peer >= OF_ONE_PEER {
        open.iter().position(|it| it.peer == peer)
    } else {
        (open.len() >= AT_ONCE).then_some(0)
    };
    if let Some(oldest) = leaves.and_then(|at| open.remove(at)) {
        oldest.task.abort();
        tracing::debug!(peer = %oldest.peer, "a connection that had sent no request made room for another");
    }
}
