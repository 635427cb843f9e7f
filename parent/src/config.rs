//! What the parent is told.

use std::{num::NonZeroUsize, time::Duration};

use sealnote_transport::Endpoint;

/// Addresses and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come in.
    pub listen: Endpoint,
    /// Where the enclave listens; dialled once for each client.
    pub enclave: Endpoint,
    /// The most clients at a time; one more is closed at once.
    pub max_connections: NonZeroUsize,
    /// How long a client is held while the enclave does not answer, as when it boots.
    pub connect_timeout: Duration,
    /// A connection over which nothing has moved in either direction for so long is closed, so
    /// that vanished peers do not hold their places for ever. A session lasts an hour at most.
    pub idle_timeout: Duration,
    /// After the order to stop: how long open connections may go on.
    pub drain_timeout: Duration,
    /// How often the counters are printed to standard error; never if `None`.
    pub metrics_interval: Option<Duration>,
}

impl Config {
    /// The default limits: 256 connections, 60 s to reach the enclave, 1 h idle, 10 s to stop.
    pub fn new(listen: Endpoint, enclave: Endpoint) -> Self {
        Config {
            listen,
            enclave,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            connect_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60 * 60),
            drain_timeout: Duration::from_secs(10),
            metrics_interval: None,
        }
    }
}

const DEFAULT_MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(256).unwrap();
