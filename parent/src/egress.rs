//! What the enclave may reach: connections that it makes to the parent over vsock, and the parent passes on over TCP, to the
//! destinations that the operator allows. Off unless it is asked for.
//!
//! Bytes only, as towards clients: the enclave's TLS, or its sealed session, is between it and its key service. A listener
//! has one destination; the enclave chooses among listeners, and never names a host. Nothing can be dialled that is not in
//! [`Routes`], and those are made by an [`Allowlist`].

mod allowlist;
mod destination;
mod dial;
mod gates;
mod routes;
mod serve;
mod traffic;

use std::{
    num::{NonZeroU64, NonZeroUsize},
    time::Duration,
};

use sealnote_transport::Cid;

pub use allowlist::{Allowlist, AllowlistError, AllowlistFault};
pub use destination::{Destination, ParseDestinationError};
pub(crate) use gates::{Gates, Orders};
pub use routes::{ParseRouteError, Route, Routes, RoutesError};
pub(crate) use serve::accept_until;

/// What the enclave may reach, and how much of it. By default, nothing.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    /// The listeners, each with its destination.
    pub routes: Routes,
    /// For each destination.
    pub limits: Limits,
    /// The CIDs of enclaves that come without being among [`Config::enclaves`](crate::Config::enclaves): one that takes
    /// another's place asks for its key before it answers anybody.
    pub places: Vec<Cid>,
}

/// How much there may be of one destination. The defaults are for key services, whose sessions are a few messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; one more is closed at once.
    pub connections: NonZeroUsize,
    /// Within so long its name must have been resolved, and one of its addresses reached.
    pub connect: Duration,
    /// A connection over which nothing has moved for so long is closed, and so is one of which one side has not said a word
    /// until then.
    pub idle: Duration,
    /// A connection of this age is closed.
    pub lifetime: Duration,
    /// The most bytes of a connection, both ways added up.
    pub bytes: NonZeroU64,
}

impl Default for Limits {
    /// 16 connections, 10 s to connect, a minute idle, 10 minutes in all, 16 MiB.
    fn default() -> Self {
        Limits {
            connections: const { NonZeroUsize::new(16).unwrap() },
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            lifetime: Duration::from_secs(10 * 60),
            bytes: const { NonZeroU64::new(16 << 20).unwrap() },
        }
    }
}
