//! What the parent is told.

use std::{num::NonZeroUsize, time::Duration};

use sealnote_transport::Endpoint;

use crate::{Balance, Enclaves, Endorsements};

/// Addresses and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come in.
    pub listen: Endpoint,
    /// Where the enclaves listen; one is dialled for each client.
    pub enclaves: Enclaves,
    /// How that one is chosen.
    pub balance: Balance,
    /// How often an enclave is probed at most, while no session shows that it is well: a probe costs it an attestation. If
    /// `None` it never is, and then none is left out, however often it fails.
    pub probe_interval: Option<Duration>,
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
    /// After the order to stop: how long open connections may go on.
    pub drain_timeout: Duration,
    /// How often the counters are printed to standard error; never if `None`.
    pub metrics_interval: Option<Duration>,
    /// Endorsements to hand over to the enclave, where its evidence needs them.
    pub endorsements: Option<Endorsements>,
}

impl Config {
    /// One enclave, and the default limits: 160 connections, 48 from one address, 60 s to reach the enclave, 1 h idle, 10 s
    /// to stop; a probe in 10 s.
    pub fn new(listen: Endpoint, enclave: Endpoint) -> Self {
        Config::of(listen, enclave.into())
    }

    /// The same with several enclaves.
    pub fn of(listen: Endpoint, enclaves: Enclaves) -> Self {
        Config {
            listen,
            enclaves,
            balance: Balance::default(),
            probe_interval: Some(Duration::from_secs(10)),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_connections_per_address: DEFAULT_MAX_CONNECTIONS_PER_ADDRESS,
            connect_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60 * 60),
            drain_timeout: Duration::from_secs(10),
            metrics_interval: None,
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
