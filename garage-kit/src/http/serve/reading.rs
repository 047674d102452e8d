//! A connection whose peer must read what it is told. One that reads nothing would keep its place among the open
//! connections for ever, and with enough of them nobody else would be let in.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a peer may take nothing of what waits for it. A stream of events has something to tell more often.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that ends when its peer takes nothing.
pub(super) struct Reading<S> {
    stream: S,
    /// Runs while something waits for the peer.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Reading<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, waiting: None }
    }

    /// The answer of the stream, or that the peer has had its time.
    fn within<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(PATIENCE))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Reading<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Reading<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.within(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.within(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within(cx, ended)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_has_its_time_and_no_more() {
        let (ours, _theirs) = duplex(8);
        let began = Instant::now();
        let wrote = Reading::new(ours).write_all(b"more than there is room for").await;
        assert_eq!(wrote.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_told_all() {
        let (ours, mut theirs) = duplex(1);
        let mut ours = Reading::new(ours);
        let slowly = async {
            let mut told = Vec::new();
            while told.len() < 10 {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                told.push(theirs.read_u8().await.unwrap());
            }
            told
        };
        let (wrote, told) = tokio::join!(ours.write_all(b"0123456789"), slowly);
        assert!(wrote.is_ok() && told == b"0123456789", "{wrote:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_is_said_may_rest() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Reading::new(ours);
        for _ in 0..3 {
            ours.write_all(b"word").await.unwrap();
            sleep(10 * PATIENCE).await;
            theirs.read_exact(&mut [0; 4]).await.unwrap();
        }
    }
}
