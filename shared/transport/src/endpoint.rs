//! The textual addresses that every program takes.

use std::{fmt, path::PathBuf, str::FromStr};

use thiserror::Error;
use tokio_vsock::VMADDR_CID_ANY;

/// Where to connect to, or listen on.
///
/// `vsock:CID:PORT`, `tcp:HOST:PORT` or `unix:PATH`; [`Display`](fmt::Display) and [`FromStr`] are
/// inverse to each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `vsock:16:5005`; the word `any` as the CID listens on every CID of this machine. Port 0
    /// listens on a free port.
    Vsock {
        /// The machine.
        cid: Cid,
        /// The port.
        port: u32,
    },
    /// `unix:/run/sealnote.sock`, at most 107 bytes of path.
    Unix {
        /// The socket file, as given.
        path: PathBuf,
    },
    /// `tcp:127.0.0.1:7000`, `tcp:parent.example:7000` or `tcp:[::1]:7000`. Port 0 listens on a
    /// free port.
    Tcp {
        /// An address or a name; an IPv6 address is kept without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// A vsock context id: which machine (VMM, parent, enclave) a vsock address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cid(pub u32);

impl Cid {
    /// Every CID of this machine; written `any`. To listen on only.
    pub const ANY: Cid = Cid(VMADDR_CID_ANY);
    /// This machine, through the kernel's vsock loopback.
    pub const LOCAL: Cid = Cid(1);
}

/// Text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{input}` is not an endpoint: {problem}; expected vsock:CID:PORT, tcp:HOST:PORT or unix:PATH"
)]
pub struct ParseEndpointError {
    /// The beginning of it, without control characters: it is shown.
    input: String,
    problem: Problem,
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let parsed = match input.split_once(':') {
            Some(("vsock", rest)) => parse_vsock(rest),
            Some(("tcp", rest)) => parse_tcp(rest),
            Some(("unix", rest)) => parse_unix(rest),
            _ => Err(Problem::Scheme),
        };
        parsed.map_err(|problem| ParseEndpointError {
            input: shown(input),
            problem,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
            Endpoint::Unix { path } => write!(f, "unix:{}", path.display()),
            Endpoint::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Endpoint::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Cid::ANY {
            f.write_str("any")
        } else {
            write!(f, "{}", self.0)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
enum Problem {
    #[error("it begins with none of vsock:, tcp: and unix:")]
    Scheme,
    #[error("the port is missing")]
    PortMissing,
    #[error("the vsock CID is neither a number below 2^32 nor `any`")]
    Cid,
    #[error("the vsock port is not a number below 2^32 - 1")]
    VsockPort,
    #[error("the TCP port is not a number below 65536")]
    TcpPort,
    #[error("the host is empty or has characters that no host has")]
    Host,
    #[error("an IPv6 address stands in brackets, as in tcp:[::1]:7000")]
    Brackets,
    #[error("what stands in brackets is not an IPv6 address")]
    Ipv6,
    #[error("the path is empty")]
    PathEmpty,
    #[error("a socket's path has at most 107 bytes")]
    PathTooLong,
    #[error("the path has a control character")]
    PathControl,
}

/// `sun_path` has 108 bytes, of which one is the terminating NUL (unix(7)).
const MAX_UNIX_PATH: usize = 107;

fn parse_vsock(rest: &str) -> Result<Endpoint, Problem> {
    let (cid, port) = rest.split_once(':').ok_or(Problem::PortMissing)?;
    let cid = match cid {
        "any" => Cid::ANY,
        number => Cid(decimal(number).ok_or(Problem::Cid)?),
    };
    // The highest number is the kernel's own mark for "any port" (VMADDR_PORT_ANY, vsock(7)).
    let port = decimal(port)
        .filter(|port| *port != u32::MAX)
        .ok_or(Problem::VsockPort)?;
    Ok(Endpoint::Vsock { cid, port })
}

fn parse_tcp(rest: &str) -> Result<Endpoint, Problem> {
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or(Problem::Ipv6)?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| Problem::Ipv6)?;
            (host, rest.strip_prefix(':').ok_or(Problem::PortMissing)?)
        }
        None => {
            let (host, port) = rest.rsplit_once(':').ok_or(Problem::PortMissing)?;
            if host.contains(':') {
                return Err(Problem::Brackets);
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if host.is_empty() || !host.chars().all(plain) {
                return Err(Problem::Host);
            }
            (host, port)
        }
    };
    let port = decimal(port)
        .and_then(|port| u16::try_from(port).ok())
        .ok_or(Problem::TcpPort)?;
    Ok(Endpoint::Tcp {
        host: host.to_owned(),
        port,
    })
}

fn parse_unix(path: &str) -> Result<Endpoint, Problem> {
    match path {
        "" => Err(Problem::PathEmpty),
        path if path.len() > MAX_UNIX_PATH => Err(Problem::PathTooLong),
        // NUL ends a path; the others would be obeyed by the terminal that an error is shown on.
        path if path.contains(char::is_control) => Err(Problem::PathControl),
        path => Ok(Endpoint::Unix {
            path: PathBuf::from(path),
        }),
    }
}

/// At most this many characters of what is not an endpoint are shown.
const MAX_SHOWN: usize = 120;

fn shown(input: &str) -> String {
    let mut shown: String = input.chars().take(MAX_SHOWN).flat_map(tame).collect();
    if input.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn tame(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// Digits only: `u32::from_str` would take a leading `+`.
fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "vsock:16:5005",
            "vsock:1:0",
            "vsock:any:5005",
            "vsock:4294967294:4294967294",
            "unix:/run/sealnote.sock",
            "unix:relative:with:colons",
            "tcp:127.0.0.1:7000",
            "tcp:0.0.0.0:0",
            "tcp:parent.hospital.example:65535",
            "tcp:[::1]:7000",
            "tcp:[::]:7000",
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
        // The one spelling with two forms: the number behind `any`.
        assert_eq!(
            "vsock:4294967295:1"
                .parse::<Endpoint>()
                .unwrap()
                .to_string(),
            "vsock:any:1"
        );
    }

    #[test]
    fn each_mistake_is_named() {
        let long = format!("unix:/{}", "x".repeat(107));
        let longer = "x".repeat(1 << 20);
        for (text, problem) in [
            ("", Problem::Scheme),
            ("127.0.0.1:7000", Problem::Scheme),
            ("http:example:80", Problem::Scheme),
            ("vsock:16", Problem::PortMissing),
            ("vsock:host:1", Problem::Cid),
            ("vsock:-1:1", Problem::Cid),
            ("vsock:4294967296:1", Problem::Cid),
            ("vsock:16:", Problem::VsockPort),
            ("vsock:16:+1", Problem::VsockPort),
            ("vsock:16:4294967295", Problem::VsockPort),
            ("vsock:16:1:2", Problem::VsockPort),
            ("tcp:localhost", Problem::PortMissing),
            ("tcp:localhost:65536", Problem::TcpPort),
            ("tcp::7000", Problem::Host),
            ("tcp:a b:7000", Problem::Host),
            ("tcp:::1:7000", Problem::Brackets),
            ("tcp:[::1]", Problem::PortMissing),
            ("tcp:[::1]7000", Problem::PortMissing),
            ("tcp:[::1:7000", Problem::Ipv6),
            ("tcp:[localhost]:7000", Problem::Ipv6),
            ("unix:", Problem::PathEmpty),
            ("unix:a\0b", Problem::PathControl),
            ("unix:a\x1b[2Jb", Problem::PathControl),
            (&long, Problem::PathTooLong),
            (&longer, Problem::Scheme),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.problem, problem, "{text}");
            let message = error.to_string();
            assert!(message.len() < 400 && !message.contains(char::is_control));
            for form in ["vsock:CID:PORT", "tcp:HOST:PORT", "unix:PATH"] {
                assert!(message.contains(form), "{message}");
            }
        }
    }
}
