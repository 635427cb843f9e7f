//! Endpoints and byte streams over vsock, TCP and Unix sockets.
//!
//! The three programs reach each other through this crate alone: [`connect`] and [`Listener`]
//! yield a [`Stream`] of bytes whichever the address family is. There are no keys here and no
//! messages; a program that depends only on this crate can copy bytes and read none of them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sealnote_transport::{Endpoint, Listener, connect};
//!
//! let listener = Listener::bind(&"vsock:any:5005".parse()?).await?;
//! let stream = connect(&"tcp:127.0.0.1:7000".parse::<Endpoint>()?).await?;
//! let (receive, send) = stream.into_split();
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod endpoint;
mod error;
mod inherited;
mod listener;
mod probe;
mod stream;
mod unix;
mod vsock;

pub use endpoint::{Cid, Endpoint, ParseEndpointError};
pub use error::TransportError;
pub use listener::Listener;
pub use probe::{PROBE_TIMEOUT, ProbeError, probe_vsock_loopback};
pub use stream::{
    MAX_VSOCK_WRITE, PeerAddress, ReceiveHalf, SendHalf, Stream, Vsock, connect, connect_within,
};
pub use vsock::{VSOCK_BACKLOG, VSOCK_BUFFER};

/// The examples of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
