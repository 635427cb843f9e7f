//! What the parent is told.

use std::{num::NonZeroUsize, time::Duration};

use sealnote_transport::Endpoint;

use crate::Endorsements;

/// Addresses and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come in.
    pub listen: Endpoint,
    /// Where the enclave listens; dialled once for each client.
    pub enclave: Endpoint,
    /// The most clients at a time; one more is closed at once.
    pub max_connections: NonZeroUsize,
    /// The most clients at a time from one IPv4 address, one IPv6 network of /64, or one vsock CID; one
    /// more is closed at once. Clients over a Unix socket have no address, and only the cap above.
    pub max_connections_per_address: NonZeroUsize,
    /// How long a client is held while the enclave does not answer, as when it boots.
    pub connect_timeout: Duration,
    /// A connection over which nothing has moved in either direction for so long is closed, so
    /// that vanished peers do not hold their places for ever. A session lasts an hour at most.
    pub idle_timeout: Duration,
    /// Where the operator's HTTP is served; nowhere if `None`.
    pub metrics_listen: Option<Endpoint>,
    /// After the order to stop: how long clients are still let in, while `/readyz` says that they should not come.
    pub drain_delay: Duration,
    /// After that: how long open connections may go on.
    pub drain_timeout: Duration,
    /// How often the counters are printed to standard error; never if `None`.
    pub metrics_interval: Option<Duration>,
    /// Whether the log says the addresses of clients that are turned away.
    pub log_addresses: bool,
    /// Endorsements to hand over to the enclave, where its evidence needs them.
    pub endorsements: Option<Endorsements>,
}

impl Config {
    /// The default limits: 160 connections, 48 from one address, 60 s to reach the enclave, 1 h idle, 10 s
    /// to stop.
    pub fn new(listen: Endpoint, enclave: Endpoint) -> Self {
        Config {
            listen,
            enclave,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_connections_per_address: DEFAULT_MAX_CONNECTIONS_PER_ADDRESS,
            connect_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60 * 60),
            metrics_listen: None,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            metrics_interval: None,
            log_addresses: false,
            endorsements: None,
        }
    }
}

/// The enclave's own limits added up, 96 sessions and 64 handshakes: a client beyond them would only wait
/// in the enclave's queue, and be told later.
const DEFAULT_MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(160).unwrap();

/// Half of the enclave's sessions. A hospital behind one address has room for 48 clients at a time, and
/// no address alone can take every session from the others.
const DEFAULT_MAX_CONNECTIONS_PER_ADDRESS: NonZeroUsize = NonZeroUsize::new(48).unwrap();
