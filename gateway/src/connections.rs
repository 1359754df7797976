//! One connection: its requests, one after the other.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use crate::accept::{InHand, Seat};
use crate::limits::Limits;
use crate::writing::Taken;

/// Answers the requests of a connection until it ends, breaks, or is asked to end after the one that it has in hand.
pub(crate) async fn answer<S>(
    stream: S,
    seat: Arc<Seat>,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let taken = Taken::new(stream, Arc::clone(&seat), limits.answer_pause);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, in_hand) = (router.clone(), seat.request());
        async move {
            let Some(in_hand) = in_hand else {
                // The connection ends now.
                return std::future::pending().await;
            };
            let answer = router.oneshot(request.map(Body::new)).await.unwrap_or_else(|e| match e {});
            Ok::<_, Infallible>(answer.map(|body| Answer { body, _in_hand: in_hand }))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes)
        // Whoever has sent all that he has to say may still want to hear the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(taken), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => log(ended),
        () = end => {
            connection.as_mut().graceful_shutdown();
            log(connection.await);
        }
    }
}

/// The body of an answer. Its request is in hand until hyper has taken all of it, or gives it up.
struct Answer {
    body: Body,
    _in_hand: InHand,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
