//! By what a request was let in, for as long as it lasts: a token that is revoked, or runs out, ends what goes on by it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, sleep};

use crate::authority::{Access, Authority};
use crate::problem::Problem;

/// How often it is looked whether it still holds. Whoever knows tokens is asked as often as by requests, and no more.
const LOOK: Duration = Duration::from_secs(1);

/// So much of an answer is sent between two looks. What is not longer is sent at once.
const PIECE: usize = 64 * 1024;

/// See the module.
#[derive(Clone)]
pub(crate) struct Warrant(Arc<Shown>);

struct Shown {
    authority: Authority,
    authorization: Option<HeaderValue>,
    access: Option<Access>,
}

impl Warrant {
    /// Of a request with this header `Authorization`, which asks for this access.
    pub(crate) fn new(
        authority: Authority,
        authorization: Option<HeaderValue>,
        access: Option<Access>,
    ) -> Self {
        Self(Arc::new(Shown { authority, authorization, access }))
    }

    /// Refuses the request, unless it holds.
    pub(crate) async fn check(&self) -> Result<(), Problem> {
        let Shown { authority, authorization, access } = &*self.0;
        let authorization = authorization.as_ref().map_or(&b""[..], |value| value.as_bytes());
        authority.admit(authorization, access.as_ref()).await
    }

    /// Who shows it.
    pub(crate) async fn who(&self) -> Result<String, Problem> {
        let Shown { authority, authorization, access: _ } = &*self.0;
        authority.who(authorization.as_ref().map_or(&b""[..], |value| value.as_bytes())).await
    }

    /// The same, if it was looked at so long ago that it may have changed.
    pub(crate) async fn check_since(&self, looked: Instant) -> Result<(), Problem> {
        if self.0.authority.may_change() && looked.elapsed() >= LOOK { self.check().await } else { Ok(()) }
    }

    /// Waits until it does not hold any more, or nobody knows whether it does.
    pub(crate) async fn ended(&self) -> Problem {
        if !self.0.authority.may_change() {
            return std::future::pending().await;
        }
        loop {
            sleep(LOOK).await;
            if let Err(problem) = self.check().await {
                return problem;
            }
        }
    }

    /// The answer, which breaks off once it does not hold any more.
    pub(crate) fn over(self, response: Response) -> Response {
        let length = response.body().size_hint().exact();
        if length.is_some_and(|bytes| bytes <= PIECE as u64) || !self.0.authority.may_change() {
            return response;
        }
        let ended = Box::pin(async move { self.ended().await });
        let has_length = length.is_some();
        response.map(|body| Body::new(Held { body, rest: Bytes::new(), has_length, ended, is_over: false }))
    }
}

/// A body that is sent for as long as a warrant holds.
struct Held {
    body: Body,
    /// What was taken of the body, and is not sent yet.
    rest: Bytes,
    /// Its client was told how long it is.
    has_length: bool,
    ended: Pin<Box<dyn Future<Output = Problem> + Send>>,
    is_over: bool,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(problem) = this.ended.as_mut().poll(context) {
            tracing::info!(reason = problem.detail, "an answer is broken off");
            this.is_over = true;
            // One that has no length ends like any other; of one that has, its client is to see that it is not whole.
            return Poll::Ready(this.has_length.then(|| Err(axum::Error::new(BrokenOff))));
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.rest.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let of_body = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// The client may not be told the rest.
#[derive(Debug, thiserror::Error)]
#[error("the token does not allow any more what the request asked for")]
struct BrokenOff;

#[cfg(test)]
mod tests;
