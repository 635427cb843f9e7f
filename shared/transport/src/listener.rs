//! Accepting connections.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, UnixListener},
    time::sleep,
};
use tokio_vsock::VsockListener;

use crate::{Endpoint, Stream, TransportError, stream::tcp_options, unix, vsock};

/// A socket that is listened on.
///
/// Over vsock, [`VSOCK_BUFFER`](crate::VSOCK_BUFFER) and [`VSOCK_BACKLOG`](crate::VSOCK_BACKLOG) bound what
/// peers can make the kernel keep. A Unix socket's file is removed when the listener is dropped.
#[derive(Debug)]
pub struct Listener {
    pub(crate) inner: Inner,
    pub(crate) local: Endpoint,
}

impl Listener {
    /// Listens on `endpoint`; port 0 takes a free port, which [`local_endpoint`] then names.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// [`local_endpoint`]: Listener::local_endpoint
    pub async fn bind(endpoint: &Endpoint) -> Result<Self, TransportError> {
        let bind_error = |reason| TransportError::Bind {
            endpoint: endpoint.clone(),
            reason,
        };
        match endpoint {
            Endpoint::Vsock { cid, port } => {
                let asked = if *port == 0 { VMADDR_PORT_ANY } else { *port };
                let listener = vsock::bind(cid.0, asked).map_err(bind_error)?;
                let port = listener.local_addr().map_err(bind_error)?.port();
                let local = Endpoint::Vsock { cid: *cid, port };
                Ok(Listener {
                    inner: Inner::Vsock(listener),
                    local,
                })
            }
            Endpoint::Unix { path } => {
                let (listener, file) = unix::bind(path).await.map_err(|error| match error {
                    unix::BindError::InUse => TransportError::InUse {
                        endpoint: endpoint.clone(),
                    },
                    unix::BindError::NotASocket => TransportError::NotASocket {
                        endpoint: endpoint.clone(),
                    },
                    unix::BindError::Io(reason) => bind_error(reason),
                })?;
                Ok(Listener {
                    inner: Inner::Unix(listener, Some(file)),
                    local: endpoint.clone(),
                })
            }
            Endpoint::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))
                    .await
                    .map_err(bind_error)?;
                // Accepted connections inherit it.
                tcp_options(SockRef::from(&listener)).map_err(bind_error)?;
                let port = listener.local_addr().map_err(bind_error)?.port();
                let local = Endpoint::Tcp {
                    host: host.clone(),
                    port,
                };
                Ok(Listener {
                    inner: Inner::Tcp(listener),
                    local,
                })
            }
        }
    }

    /// What is listened on, with port 0 resolved.
    pub fn local_endpoint(&self) -> &Endpoint {
        &self.local
    }

    /// The next connection. Cancel-safe.
    ///
    /// What concerns one connection only, and a passing lack of file descriptors or memory, is
    /// waited out here; an error means that the listener is of no more use.
    pub async fn accept(&self) -> Result<Stream, TransportError> {
        loop {
            match self.accept_once().await {
                Ok(stream) => return Ok(stream),
                Err(error) => match Fault::of(&error) {
                    Fault::Connection => continue,
                    // Retrying at once would spin: the queue stays readable meanwhile.
                    Fault::Exhausted => sleep(EXHAUSTED_PAUSE).await,
                    Fault::Listener => {
                        let endpoint = self.local.clone();
                        return Err(TransportError::Accept {
                            endpoint,
                            reason: error,
                        });
                    }
                },
            }
        }
    }

    async fn accept_once(&self) -> io::Result<Stream> {
        match &self.inner {
            Inner::Tcp(listener) => listener.accept().await.map(|(s, _)| Stream::Tcp(s)),
            Inner::TcpOfOthers(listener) => {
                let (stream, _) = listener.accept().await?;
                // Fails when the peer has reset the connection already: its fault alone.
                tcp_options(SockRef::from(&stream))
                    .map_err(|_| io::ErrorKind::ConnectionAborted)?;
                Ok(Stream::Tcp(stream))
            }
            Inner::Unix(listener, _) => listener.accept().await.map(|(s, _)| Stream::Unix(s)),
            Inner::Vsock(listener) => listener
                .accept()
                .await
                .map(|(s, _)| Stream::Vsock(s.into())),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Inner {
    Tcp(TcpListener),
    /// Whose queue may have connections that are older than what we could set here.
    TcpOfOthers(TcpListener),
    Unix(
        UnixListener,
        #[allow(dead_code, reason = "held for its drop")] Option<unix::SocketFile>,
    ),
    Vsock(VsockListener),
}

/// The kernel's "any free port" for vsock (vsock(7)).
const VMADDR_PORT_ANY: u32 = u32::MAX;

const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

enum Fault {
    Connection,
    Exhausted,
    Listener,
}

impl Fault {
    /// accept(2), under "Error handling" and "ERRORS".
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted => {
                Fault::Connection
            }
            Kind::TimedOut | Kind::NetworkDown | Kind::NetworkUnreachable => Fault::Connection,
            Kind::HostUnreachable | Kind::PermissionDenied => Fault::Connection,
            Kind::OutOfMemory => Fault::Exhausted,
            _ => match error.raw_os_error() {
                Some(ENFILE | EMFILE | ENOBUFS) => Fault::Exhausted,
                Some(EPROTO) => Fault::Connection,
                _ => Fault::Listener,
            },
        }
    }
}

// Linux's numbers, on every architecture that Nitro Enclaves run on (asm-generic/errno.h).
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const EPROTO: i32 = 71;
const ENOBUFS: i32 = 105;
