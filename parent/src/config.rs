//! What the parent is told.

use std::{
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    time::Duration,
};

use sealnote_transport::{Endpoint, MAX_VSOCK_WRITE};

use crate::{Balance, Enclaves, Endorsements, Listen, ProxyProtocol, egress::Egress};

/// Addresses and limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come in.
    pub listen: Listen,
    /// Where the enclaves listen; one is dialled for each client.
    pub enclaves: Enclaves,
    /// How that one is chosen.
    pub balance: Balance,
    /// How often an enclave is probed at most, while no session shows that it is well: a probe costs it an attestation. If
    /// `None` it never is, and then none is left out, however often it fails.
    pub probe_interval: Option<Duration>,
    /// Whether a proxy before this one says whose each connection is. Only for a listener over TCP or a Unix socket that
    /// nobody but the proxy reaches.
    pub proxy_protocol: ProxyProtocol,
    /// The most clients at a time; one more is told that there is no place.
    pub max_connections: NonZeroUsize,
    /// The most clients at a time from one IPv4 address, one IPv6 network of /64, or one vsock CID; one
    /// more is told that there is no place. Clients over a Unix socket have no address, and only the cap above.
    pub max_connections_per_address: NonZeroUsize,
    /// The most new clients in a second, as many at once; one more is told that there is no place. No limit if `None`.
    pub max_connection_rate: Option<NonZeroU32>,
    /// The same for those of one address, counted as above.
    pub max_connection_rate_per_address: Option<NonZeroU32>,
    /// Within so long a client must have sent its first byte, and an enclave its own first byte once it was reached; the
    /// connection is closed otherwise. A PROXY header must be there whole.
    pub handshake_timeout: Duration,
    /// How long a client is held while the enclave does not answer, as when it boots.
    pub connect_timeout: Duration,
    /// A connection over which nothing has moved in either direction for so long is closed, so
    /// that vanished peers do not hold their places for ever. A session lasts an hour at most.
    pub idle_timeout: Duration,
    /// Where the operator's HTTP is served; nowhere if `None`.
    pub metrics_listen: Option<Endpoint>,
    /// After the order to stop: how long clients are still let in, while `/readyz` says that they should not come.
    pub drain_delay: Duration,
    /// How long a connection may last, busy or not.
    pub lifetime_timeout: Duration,
    /// The most bytes of a connection, both ways added up. No limit if `None`.
    pub max_bytes_per_connection: Option<NonZeroU64>,
    /// The most bytes that one write hands to a vsock.
    pub max_vsock_write: NonZeroUsize,
    /// After that: how long open connections may go on.
    pub drain_timeout: Duration,
    /// How often the counters are printed to standard error; never if `None`.
    pub metrics_interval: Option<Duration>,
    /// Whether the log says the addresses of clients that are turned away.
    pub log_addresses: bool,
    /// Endorsements to hand over to the enclave, where its evidence needs them.
    pub endorsements: Option<Endorsements>,
    /// What the enclaves may reach through the parent.
    pub egress: Egress,
}

impl Config {
    /// One enclave, a probe in 10 s, and the default limits: 160 connections, 48 from one address, 60 s to reach the enclave, 30 s for its first byte and for
    /// the client's, 1 h idle, 2 h in all, 10 s to stop; none on the rate of new connections, nor on bytes.
    pub fn new(listen: Endpoint, enclave: Endpoint) -> Self {
        Config::with(listen.into(), enclave.into())
    }

    /// The same with several enclaves.
    pub fn with(listen: Listen, enclaves: Enclaves) -> Self {
        Config {
            listen,
            enclaves,
            balance: Balance::default(),
            probe_interval: Some(Duration::from_secs(10)),
            proxy_protocol: ProxyProtocol::Off,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_connections_per_address: DEFAULT_MAX_CONNECTIONS_PER_ADDRESS,
            max_connection_rate: None,
            max_connection_rate_per_address: None,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            connect_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60 * 60),
            metrics_listen: None,
            drain_delay: Duration::ZERO,
            lifetime_timeout: DEFAULT_LIFETIME_TIMEOUT,
            max_bytes_per_connection: None,
            max_vsock_write: MAX_VSOCK_WRITE,
            drain_timeout: Duration::from_secs(10),
            metrics_interval: None,
            log_addresses: false,
            endorsements: None,
            egress: Egress::default(),
        }
    }
}

/// The enclave's own limits added up, 96 sessions and 64 handshakes: a client beyond them would only wait
/// in the enclave's queue, and be told later.
const DEFAULT_MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(160).unwrap();

/// Half of the enclave's sessions. A hospital behind one address has room for 48 clients at a time, and
/// no address alone can take every session from the others.
const DEFAULT_MAX_CONNECTIONS_PER_ADDRESS: NonZeroUsize = NonZeroUsize::new(48).unwrap();

/// Three times what an enclave takes at most until it answers or hangs up, 10 s from its own accept, since before that a
/// client may wait in its listener's queue; and a third of the 90 s for which our client waits. An enclave that runs is itself
/// sooner done with a client that says nothing, after 3 s: this is for one that hangs, or is not there yet.
const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Twice a session's. The enclave ends each after an hour at most, so no session meets this.
const DEFAULT_LIFETIME_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);
