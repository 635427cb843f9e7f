//! What can go wrong between an [`Endpoint`] and a stream of bytes.

use std::{io, time::Duration};

use thiserror::Error;

use crate::Endpoint;

/// A connection or a listener could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The peer refused, is unreachable, or its name does not resolve.
    #[error("cannot connect to {endpoint}: {reason}")]
    Connect {
        /// Where the connection was to go.
        endpoint: Endpoint,
        /// The system's reason.
        reason: io::Error,
    },

    /// The peer neither accepted nor refused in time. This is how an absent vsock peer shows.
    #[error("cannot connect to {endpoint}: no answer within {} ms", after.as_millis())]
    ConnectTimeout {
        /// Where the connection was to go.
        endpoint: Endpoint,
        /// How long it was waited for.
        after: Duration,
    },

    /// The endpoint names no single peer: CID `any`, or port 0.
    #[error("cannot connect to {endpoint}: it is an address to listen on, not one to connect to")]
    NotConnectable {
        /// The endpoint as given.
        endpoint: Endpoint,
    },

    /// The address could not be listened on.
    #[error("cannot listen on {endpoint}: {reason}")]
    Bind {
        /// The endpoint as given.
        endpoint: Endpoint,
        /// The system's reason.
        reason: io::Error,
    },

    /// Another process listens on this Unix socket.
    #[error("cannot listen on {endpoint}: another process listens there")]
    InUse {
        /// The endpoint as given.
        endpoint: Endpoint,
    },

    /// The path exists and is something other than a socket; it is left alone.
    #[error("cannot listen on {endpoint}: the path exists and is not a socket")]
    NotASocket {
        /// The endpoint as given.
        endpoint: Endpoint,
    },

    /// A socket that another process left could not be taken over.
    #[error("the socket that was handed over cannot be listened on: {0}")]
    Inherit(io::Error),

    /// It is no socket to take connections from.
    #[error("the socket that was handed over is none of TCP or of a Unix path that is listened on")]
    NotInheritable,

    /// The listening socket itself has failed; no further connection will come from it.
    #[error("cannot accept on {endpoint}: {reason}")]
    Accept {
        /// The endpoint that was listened on.
        endpoint: Endpoint,
        /// The system's reason.
        reason: io::Error,
    },
}
