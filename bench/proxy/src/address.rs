//! Where a backend listens and a client connects.

use std::{fmt, io, net::SocketAddr, path::PathBuf, str::FromStr};

use anyhow::{Context, bail};
use socket2::{Domain, SockAddr, Socket, Type};

/// Written as every Sealnote program takes it: `tcp:127.0.0.1:7000`, `unix:/run/backend`, `vsock:1:5005`.
#[derive(Clone, Debug)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Vsock { cid: u32, port: u32 },
}

impl Address {
    /// Nothing is held back for more bytes to come.
    pub fn connect(&self) -> io::Result<Socket> {
        let (domain, address) = self.parts()?;
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.connect(&address)?;
        at_once(&socket, domain)?;
        Ok(socket)
    }

    pub fn listen(&self) -> io::Result<Listener> {
        let (domain, address) = self.parts()?;
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.bind(&address)?;
        socket.listen(BACKLOG)?;
        Ok(Listener { socket, domain })
    }

    fn parts(&self) -> io::Result<(Domain, SockAddr)> {
        Ok(match self {
            Self::Tcp(address) => (Domain::for_address(*address), (*address).into()),
            Self::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
            Self::Vsock { cid, port } => (Domain::VSOCK, SockAddr::vsock(*cid, *port)),
        })
    }
}

/// More than connect at a time in any row, so that no row measures the kernel's waits for a place.
pub const BACKLOG: i32 = 4096;

pub struct Listener {
    socket: Socket,
    domain: Domain,
}

impl Listener {
    pub fn accept(&self) -> io::Result<Socket> {
        let (socket, _) = self.socket.accept()?;
        at_once(&socket, self.domain)?;
        Ok(socket)
    }
}

fn at_once(socket: &Socket, domain: Domain) -> io::Result<()> {
    if domain == Domain::IPV4 || domain == Domain::IPV6 {
        socket.set_tcp_nodelay(true)?;
    }
    Ok(())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
        }
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text.split_once(':') {
            Some(("tcp", address)) => Self::Tcp(address.parse().context("not ADDRESS:PORT")?),
            Some(("unix", path)) => Self::Unix(path.into()),
            Some(("vsock", rest)) => {
                let (cid, port) = rest.split_once(':').context("not vsock:CID:PORT")?;
                Self::Vsock {
                    cid: cid.parse()?,
                    port: port.parse()?,
                }
            }
            _ => bail!("none of tcp:ADDRESS:PORT, unix:PATH, vsock:CID:PORT"),
        })
    }
}
