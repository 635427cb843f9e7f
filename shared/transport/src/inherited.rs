//! Listening on a socket that another process bound: systemd, which keeps it open while programs come and go.

use std::{io, os::fd::OwnedFd};

use socket2::{Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::{Endpoint, Listener, TransportError, listener::Inner};

impl Listener {
    /// Listens on `socket`, which is of TCP or has a path, and is listened on already. Its file is left where it is in
    /// the end: it is whose it was.
    ///
    /// Must be called within a tokio runtime.
    pub fn inherit(socket: OwnedFd) -> Result<Self, TransportError> {
        let socket = Socket::from(socket);
        let local = local(&socket)
            .map_err(TransportError::Inherit)?
            .ok_or(TransportError::NotInheritable)?;
        socket
            .set_nonblocking(true)
            .and_then(|()| socket.set_cloexec(true))
            .map_err(TransportError::Inherit)?;
        let inner = match &local {
            Endpoint::Tcp { .. } => TcpListener::from_std(socket.into()).map(Inner::TcpOfOthers),
            _ => UnixListener::from_std(socket.into()).map(|listener| Inner::Unix(listener, None)),
        };
        Ok(Listener {
            inner: inner.map_err(TransportError::Inherit)?,
            local,
        })
    }
}

/// Where a socket that can be inherited listens.
fn local(socket: &Socket) -> io::Result<Option<Endpoint>> {
    if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
        return Ok(None);
    }
    let address = socket.local_addr()?;
    if let Some(address) = address.as_socket() {
        return Ok(Some(Endpoint::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        }));
    }
    let path = address.as_pathname();
    Ok(path.map(|path| Endpoint::Unix { path: path.into() }))
}

#[cfg(test)]
mod tests {
    use std::{
        net,
        os::unix::net::{UnixListener, UnixStream},
    };

    use socket2::SockRef;

    use super::*;
    use crate::{Stream, connect};

    #[tokio::test]
    async fn clients_of_an_inherited_socket_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let tcp = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind(&path).unwrap();
        for (socket, expected) in [
            (
                tcp.try_clone().unwrap().into(),
                format!("tcp:{}", tcp.local_addr().unwrap()),
            ),
            (
                OwnedFd::from(unix.try_clone().unwrap()),
                format!("unix:{}", path.display()),
            ),
        ] {
            let listener = Listener::inherit(socket).unwrap();
            assert_eq!(listener.local_endpoint().to_string(), expected);
            let (client, accepted) =
                tokio::join!(connect(listener.local_endpoint()), listener.accept());
            client.unwrap();
            accepted.unwrap();
        }
        assert!(path.exists(), "the file is not the heir's to remove");
    }

    #[tokio::test]
    async fn what_nobody_listens_on_is_not_inherited() {
        let udp = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (stream, _other) = UnixStream::pair().unwrap();
        for socket in [OwnedFd::from(udp), OwnedFd::from(stream)] {
            let error = Listener::inherit(socket).unwrap_err();
            assert!(matches!(error, TransportError::NotInheritable), "{error}");
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = Listener::inherit(file.into()).unwrap_err();
        assert!(matches!(error, TransportError::Inherit(_)), "{error}");
    }

    #[tokio::test]
    async fn who_was_there_before_us_is_as_prompt_as_the_others() {
        let tcp = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _early = net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let listener = Listener::inherit(tcp.into()).unwrap();
        let Stream::Tcp(accepted) = listener.accept().await.unwrap() else {
            unreachable!();
        };
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }
}
