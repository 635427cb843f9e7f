//! A connection to an enclave that tells of what comes from it, and whose end is noticed.

use std::{
    io,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
};

use sealnote_transport::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::upstream::InUse;

/// A connection to an enclave, which counts as one of its own until this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    in_use: InUse,
}

impl Connection {
    pub(super) fn new(stream: Stream, in_use: InUse) -> Self {
        in_use.connected();
        Connection { stream, in_use }
    }

    /// See [`Stream::set_max_vsock_write`].
    pub(crate) fn set_max_vsock_write(&mut self, most: NonZeroUsize) {
        self.stream.set_max_vsock_write(most);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.in_use.received(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
