//! Takes connections, so many at a time.

mod seats;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chancery_process::Stop;
use tokio::task::JoinSet;

use crate::connections::answer;
use crate::limits::Limits;
use crate::listen::Listener;
use crate::metrics::{Connected, Metrics};

pub(crate) use seats::{InHand, Seat, Seats};

/// Pause after a connection could not be accepted, which is when file descriptors run out.
const AFTER_REFUSAL: Duration = Duration::from_millis(200);

/// How long requests that are in hand may take to end once the program is asked to stop.
const END: Duration = Duration::from_secs(10);

/// Takes connections until the program is asked to stop, then waits for the requests that are in hand.
pub(crate) async fn serve(
    listener: &Listener,
    router: &Router,
    limits: Limits,
    metrics: &Metrics,
    stop: &Stop,
) {
    let seats = Seats::new(limits.connections);
    let mut open = JoinSet::new();
    loop {
        let taken = tokio::select! {
            taken = take(listener, router, limits, metrics, &seats, stop, &mut open) => taken,
            () = stop.asked() => break,
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(AFTER_REFUSAL).await;
        }
        while open.try_join_next().is_some() {}
    }
    let all = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(END, all).await.is_err() {
        tracing::warn!("requests that took too long to end are broken off");
    }
}

async fn take(
    listener: &Listener,
    router: &Router,
    limits: Limits,
    metrics: &Metrics,
    seats: &Arc<Seats>,
    stop: &Stop,
    open: &mut JoinSet<()>,
) -> std::io::Result<()> {
    let (router, stop) = (router.clone(), stop.clone());
    let end = async move { stop.asked().await };
    match listener {
        Listener::Loopback(listener, _) => {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let seat = seats.take().await;
            let answered = answer(stream, Arc::clone(&seat), router, limits, end);
            open.spawn(seated(seat, metrics.connected(), answered));
        }
        Listener::Unix(listener, _) => {
            let (stream, _peer) = listener.accept().await?;
            let seat = seats.take().await;
            let answered = answer(stream, Arc::clone(&seat), router, limits, end);
            open.spawn(seated(seat, metrics.connected(), answered));
        }
        Listener::Tls(listener, _, certificate) => {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let seat = seats.take().await;
            let greeting = certificate.acceptor().accept(stream);
            let of_answer = Arc::clone(&seat);
            let answered = async move {
                // Whoever does not come to the point costs nobody but a place.
                match tokio::time::timeout(limits.head_time, greeting).await {
                    Ok(Ok(stream)) => answer(stream, of_answer, router, limits, end).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a connection does not speak TLS as it should"),
                    Err(_) => tracing::debug!("a connection took too long to begin"),
                }
            };
            open.spawn(seated(seat, metrics.connected(), answered));
        }
    }
    Ok(())
}

/// A connection until it has ended, or makes room for another.
async fn seated(seat: Arc<Seat>, connected: Connected, answered: impl Future<Output = ()>) {
    tokio::select! {
        () = answered => {}
        () = seat.leaves() => tracing::debug!("a connection without a request in hand made room for another"),
    }
    drop((seat, connected));
}

#[cfg(test)]
mod tests;
