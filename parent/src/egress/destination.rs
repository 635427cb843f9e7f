//! A host and a port.

use std::{fmt, net::IpAddr, str::FromStr};

use sealnote_transport::Endpoint;
use thiserror::Error;

/// Where an egress leads: `kms.eu-central-1.amazonaws.com:443`, `192.0.2.1:443`, `[2001:db8::1]:443`.
///
/// Equal where it is written alike: names without regard to case, addresses by their value. No name is resolved to compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// A name in small letters, or an address in its canonical form, without brackets.
    host: String,
    /// Never 0.
    port: u16,
}

/// Text that is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a destination is HOST:PORT: a name in ASCII, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535"
)]
pub struct ParseDestinationError;

impl Destination {
    /// From its parts; an IPv6 address has no brackets here.
    pub fn new(host: &str, port: u16) -> Result<Self, ParseDestinationError> {
        match host.contains(':') {
            true => format!("[{host}]:{port}").parse(),
            false => format!("{host}:{port}").parse(),
        }
    }

    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Destination {
    type Err = ParseDestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Ok(Endpoint::Tcp {
            host,
            port: port @ 1..,
        }) = format!("tcp:{text}").parse()
        else {
            return Err(ParseDestinationError);
        };
        let host = match host.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => host.to_ascii_lowercase(),
        };
        Ok(Destination { host, port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Destination { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_alike_is_one_destination() {
        for (text, shown) in [
            (
                "kms.eu-central-1.amazonaws.com:443",
                "kms.eu-central-1.amazonaws.com:443",
            ),
            ("KMS.Example:1", "kms.example:1"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]:443"),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), shown);
            assert_eq!(shown.parse(), Ok(destination.clone()));
            let parts = Destination::new(destination.host(), destination.port());
            assert_eq!(parts, Ok(destination));
        }
        // A name may lead there; it is another destination all the same.
        assert_ne!(
            Destination::new("localhost", 1),
            Destination::new("127.0.0.1", 1)
        );
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for text in [
            "",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            ":443",
            "a b:1",
            "::1:443",
            "[::1]",
            "[host]:1",
            "https://host:443",
            "host:443/path",
            "tcp:host:443",
            "b\u{fc}ro.example:443",
            "host:443\n",
        ] {
            assert_eq!(
                text.parse::<Destination>(),
                Err(ParseDestinationError),
                "{text}"
            );
        }
        assert!(Destination::new("::1", 0).is_err() && Destination::new("[::1]", 1).is_err());
    }
}
