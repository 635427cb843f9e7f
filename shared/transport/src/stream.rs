//! One connection, whichever its address family.

use std::{
    io,
    net::IpAddr,
    num::NonZeroUsize,
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream, tcp, unix},
    time::timeout,
};
use tokio_vsock::{VsockAddr, VsockStream};

use crate::{Cid, Endpoint, TransportError};

/// The most bytes that one write hands to a vsock, unless [set](Stream::set_max_vsock_write) otherwise: some backends hang
/// a connection for good on one write of 60 KiB or more.
pub const MAX_VSOCK_WRITE: NonZeroUsize = NonZeroUsize::new(32 * 1024).unwrap();

/// A connection. Bytes only: no framing, no keys.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP, without Nagle's delay and with keepalive.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
    /// Over AF_VSOCK.
    Vsock(Vsock),
}

/// A connection over vsock, and how much of it is written at once.
#[derive(Debug)]
pub struct Vsock {
    stream: VsockStream,
    max_write: NonZeroUsize,
}

/// Whose connection it is, as far as the system says; without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// Over TCP; an IPv4 address is one, also on a socket that listens for IPv6.
    Ip(IpAddr),
    /// Over vsock; [`Cid::ANY`] where the kernel does not say.
    Vsock(Cid),
}

/// The receiving half of a [`Stream`].
#[derive(Debug)]
pub struct ReceiveHalf(ReceiveInner);

/// The sending half of a [`Stream`]; `shutdown` tells the peer that nothing more will come.
///
/// Shut it down explicitly: dropping it says so over TCP and Unix sockets, and not over vsock,
/// where only the drop of both halves does.
#[derive(Debug)]
pub struct SendHalf(SendInner);

/// Connects, for as long as the system takes: minutes over TCP; over vsock two seconds as a rule,
/// and without end where the kernel has no transport for that CID.
pub async fn connect(endpoint: &Endpoint) -> Result<Stream, TransportError> {
    let connected =
        match endpoint {
            Endpoint::Vsock { cid: Cid::ANY, .. }
            | Endpoint::Vsock { port: 0, .. }
            | Endpoint::Tcp { port: 0, .. } => {
                return Err(TransportError::NotConnectable {
                    endpoint: endpoint.clone(),
                });
            }
            Endpoint::Vsock { cid, port } => VsockStream::connect(VsockAddr::new(cid.0, *port))
                .await
                .map(|stream| Stream::Vsock(stream.into())),
            Endpoint::Unix { path } => UnixStream::connect(path).await.map(Stream::Unix),
            Endpoint::Tcp { host, port } => TcpStream::connect((host.as_str(), *port))
                .await
                .and_then(|stream| {
                    tcp_options(SockRef::from(&stream))?;
                    Ok(Stream::Tcp(stream))
                }),
        };
    connected.map_err(|reason| TransportError::Connect {
        endpoint: endpoint.clone(),
        reason,
    })
}

/// Connects, or gives up after `limit`.
pub async fn connect_within(
    endpoint: &Endpoint,
    limit: Duration,
) -> Result<Stream, TransportError> {
    timeout(limit, connect(endpoint)).await.unwrap_or_else(|_| {
        Err(TransportError::ConnectTimeout {
            endpoint: endpoint.clone(),
            after: limit,
        })
    })
}

impl Stream {
    /// The machine at the other end of a vsock connection, [`Cid::ANY`] where the kernel does not say;
    /// `None` of another kind of connection.
    pub fn peer_cid(&self) -> Option<Cid> {
        match self {
            Stream::Vsock(vsock) => {
                let address = vsock.stream.peer_addr();
                Some(address.map_or(Cid::ANY, |address| Cid(address.cid())))
            }
            Stream::Tcp(_) | Stream::Unix(_) => None,
        }
    }

    /// Who is at the other end: `None` over a Unix socket, whose peers have no address, and over TCP once
    /// the peer has reset the connection.
    pub fn peer_address(&self) -> Option<PeerAddress> {
        match self {
            Stream::Tcp(stream) => {
                let address = stream.peer_addr().ok()?;
                Some(PeerAddress::Ip(address.ip().to_canonical()))
            }
            Stream::Unix(_) => None,
            Stream::Vsock(_) => self.peer_cid().map(PeerAddress::Vsock),
        }
    }

    /// The most bytes that one write hands over from now on, if it is a vsock connection; the others take what they can.
    pub fn set_max_vsock_write(&mut self, most: NonZeroUsize) {
        match self {
            Stream::Vsock(vsock) => vsock.max_write = most,
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
    }

    /// Two halves that two tasks can own.
    pub fn into_split(self) -> (ReceiveHalf, SendHalf) {
        let (receive, send) = match self {
            Stream::Tcp(stream) => {
                let (receive, send) = stream.into_split();
                (ReceiveInner::Tcp(receive), SendInner::Tcp(send))
            }
            Stream::Unix(stream) => {
                let (receive, send) = stream.into_split();
                (ReceiveInner::Unix(receive), SendInner::Unix(send))
            }
            Stream::Vsock(Vsock { stream, max_write }) => {
                let (receive, send) = stream.into_split();
                (
                    ReceiveInner::Vsock(receive),
                    SendInner::Vsock(send, max_write),
                )
            }
        };
        (ReceiveHalf(receive), SendHalf(send))
    }
}

/// Without Nagle's delay, and with keepalive. What a listening socket has, those that it accepts inherit: five system calls
/// less for each.
pub(crate) fn tcp_options(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)
}

/// The socket, for calls that must not wait.
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Vsock(vsock) => vsock.stream.as_fd(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Vsock(vsock) => Pin::new(&mut vsock.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Vsock(Vsock { stream, max_write }) => {
                Pin::new(stream).poll_write(cx, vsock_share(buf, *max_write))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Vsock(vsock) => Pin::new(&mut vsock.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Vsock(vsock) => Pin::new(&mut vsock.stream).poll_shutdown(cx),
        };
        Poll::Ready(gone_is_done(ready!(done)))
    }
}

impl AsyncRead for ReceiveHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            ReceiveInner::Tcp(half) => Pin::new(half).poll_read(cx, buf),
            ReceiveInner::Unix(half) => Pin::new(half).poll_read(cx, buf),
            ReceiveInner::Vsock(half) => Pin::new(half).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for SendHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            SendInner::Tcp(half) => Pin::new(half).poll_write(cx, buf),
            SendInner::Unix(half) => Pin::new(half).poll_write(cx, buf),
            SendInner::Vsock(half, max_write) => {
                Pin::new(half).poll_write(cx, vsock_share(buf, *max_write))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            SendInner::Tcp(half) => Pin::new(half).poll_flush(cx),
            SendInner::Unix(half) => Pin::new(half).poll_flush(cx),
            SendInner::Vsock(half, _) => Pin::new(half).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match &mut self.get_mut().0 {
            SendInner::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            SendInner::Unix(half) => Pin::new(half).poll_shutdown(cx),
            SendInner::Vsock(half, _) => Pin::new(half).poll_shutdown(cx),
        };
        Poll::Ready(gone_is_done(ready!(done)))
    }
}

#[derive(Debug)]
enum ReceiveInner {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Vsock(tokio_vsock::OwnedReadHalf),
}

#[derive(Debug)]
enum SendInner {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
    Vsock(tokio_vsock::OwnedWriteHalf, NonZeroUsize),
}

// A peer that vanished without a word (a client's laptop closed) is found after about two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 4;

impl From<VsockStream> for Vsock {
    fn from(stream: VsockStream) -> Self {
        Vsock {
            stream,
            max_write: MAX_VSOCK_WRITE,
        }
    }
}

fn vsock_share(buf: &[u8], most: NonZeroUsize) -> &[u8] {
    &buf[..buf.len().min(most.get())]
}

/// shutdown(2) answers ENOTCONN when the peer has gone already; there is nobody left to tell.
fn gone_is_done(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vsock_write_is_capped() {
        let bytes = [0; 9];
        for (most, written) in [(1, 1), (8, 8), (9, 9), (10, 9)] {
            let most = NonZeroUsize::new(most).unwrap();
            assert_eq!(vsock_share(&bytes, most).len(), written);
        }
    }

    #[test]
    fn shutdown_forgives_only_an_absent_peer() {
        assert!(gone_is_done(Err(io::ErrorKind::NotConnected.into())).is_ok());
        assert!(gone_is_done(Err(io::ErrorKind::PermissionDenied.into())).is_err());
    }
}
