//! Where clients come in.

use std::{fmt, str::FromStr};

use sealnote_transport::{Endpoint, ParseEndpointError};

/// An address to listen on, or a socket that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// The parent listens there, and the port closes when it stops.
    At(Endpoint),
    /// systemd listens, and hands its socket to each parent that it starts: `systemd`.
    Systemd,
}

impl From<Endpoint> for Listen {
    fn from(endpoint: Endpoint) -> Self {
        Listen::At(endpoint)
    }
}

impl FromStr for Listen {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "systemd" => Ok(Listen::Systemd),
            address => address.parse().map(Listen::At),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::At(endpoint) => endpoint.fmt(f),
            Listen::Systemd => f.write_str("systemd"),
        }
    }
}
