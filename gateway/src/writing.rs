//! A connection whose client has to take what it is sent. One that asks and takes nothing would keep its answer in memory, and a
//! place among the connections, for as long as it likes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::accept::Seat;

/// A stream on which writing fails once the other side has taken nothing for a while.
pub(crate) struct Taken<S> {
    stream: S,
    seat: Arc<Seat>,
    pause: Duration,
    /// Runs while something waits to be taken. Not part of a connection that is idle.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Taken<S> {
    pub(crate) const fn new(stream: S, seat: Arc<Seat>, pause: Duration) -> Self {
        Self { stream, seat, pause, waits: None }
    }

    /// What the stream says to a write; an error once it has said for too long that there is no room.
    fn within<T>(&mut self, said: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.waits = None;
            return said;
        }
        let pause = self.pause;
        ready!(self.waits.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of the answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.within(said, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.within(said, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_flush(context);
        if matches!(said, Poll::Ready(Ok(()))) {
            // hyper flushes once it has written all that it has.
            this.seat.sent();
        }
        this.within(said, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_shutdown(context);
        this.within(said, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;
    use crate::accept::Seats;

    #[tokio::test]
    async fn what_is_taken_slowly_is_sent_and_what_is_not_taken_at_all_breaks_the_connection() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Taken::new(ours, Seats::new(1).take().await, Duration::from_millis(50));
        let mut found = [0; 32];
        let (sent, taken) = tokio::join!(ours.write_all(&[7; 32]), theirs.read_exact(&mut found));
        sent.expect("sent");
        taken.expect("taken");
        let broken = ours.write_all(&[7; 32]).await.expect_err("nobody takes it");
        assert_eq!(broken.kind(), io::ErrorKind::TimedOut);
    }
}
