//! The enclaves behind the parent: which one a client gets, which are left out, and which are being emptied.
//!
//! It does not matter for a client's safety which one it gets: the client verifies each connection anew. Here it is decided by
//! the number of connections or in turn, among those that seem to be well. An enclave is left out after [three
//! failures](health::MAX_FAILURES) in a row, of dials and probes, and comes back once the first step of a handshake has gone through.

mod connection;
mod enclaves;
mod health;
mod list;
mod metrics;
mod probe;
mod upstream;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use sealnote_transport::{Endpoint, TransportError, connect_within};
use thiserror::Error;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

pub use enclaves::{Enclave, Enclaves, EnclavesError, ParseEnclaveError};
pub use list::Balance;
pub use probe::{MAX_ANSWER, PROBE_HELLO, ProbeError, answer_length, probe};

use crate::Config;
use connection::Connection;
use list::List;

/// The enclaves, shared between connections.
#[derive(Clone, Debug)]
pub struct Upstreams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    list: Mutex<List>,
    dial_failures: Counter,
}

/// Why a client has no enclave.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The last of those that were tried, and why it was not reached.
    #[error(transparent)]
    Dial(#[from] TransportError),
    /// None may be tried.
    #[error("every enclave is being drained")]
    Draining,
}

impl Upstreams {
    /// Those of `config`.
    pub(crate) fn new(config: &Config) -> Self {
        Upstreams(Arc::new(Shared {
            list: Mutex::new(List::new(config, Instant::now())),
            dial_failures: Counter::default(),
        }))
    }

    /// Goes on with other enclaves. Those that stay keep their connections and what is known of them; those that are named no
    /// more, and those that are to be drained, get no new connections, and keep theirs to the end.
    fn replace(&self, config: &Config) {
        self.list().replace(config, Instant::now());
    }

    /// Connects to an enclave. One that is not reached is followed by the next at once; when none is reached, all are tried
    /// again until `patience` has run out, for an enclave may be booting.
    ///
    /// While an enclave boots, a connection is refused, reset or not answered at all, depending on the
    /// vsock backend; so every failure counts as "not yet".
    pub(crate) async fn connect(&self, patience: Duration) -> Result<Connection, ConnectError> {
        let deadline = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.dial_each(deadline).await {
                Ok(connected) => return Ok(connected),
                Err(error) => error,
            };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether at least one enclave takes clients: the first step of a handshake has gone through, a probe's or a client's.
    pub fn ready(&self) -> bool {
        self.list()
            .upstreams()
            .any(|upstream| upstream.view().ready)
    }

    /// Connections to an enclave that are open, also of one that is named no more.
    pub(crate) fn open_connections(&self, enclave: &Endpoint) -> u64 {
        self.list()
            .upstreams()
            .filter(|upstream| upstream.endpoint == *enclave)
            .map(|upstream| upstream.view().counts.open)
            .sum()
    }

    /// Every attempt to reach an enclave for a client that failed.
    pub(crate) fn dial_failures(&self) -> Counter {
        self.0.dial_failures.clone()
    }

    /// Probes them, and goes on with those of each configuration that comes, for as long as any may come.
    pub(crate) async fn follow(self, mut configs: watch::Receiver<Arc<Config>>) {
        let mut probes = JoinSet::new();
        // It may have changed since this one was made.
        configs.mark_changed();
        loop {
            let next = self.probe_what_is_due(&mut probes);
            tokio::select! {
                () = sleep_until(next) => {}
                changed = configs.changed() => match changed {
                    Ok(()) => self.replace(&configs.borrow_and_update()),
                    Err(_) => return,
                },
            }
        }
    }

    /// Returns when to look again.
    fn probe_what_is_due(&self, probes: &mut JoinSet<()>) -> Instant {
        while probes.try_join_next().is_some() {}
        let now = Instant::now();
        let mut next = now + LONGEST_SLEEP;
        for upstream in self.list().upstreams() {
            if upstream.probe_is_due(now) {
                let upstream = Arc::clone(upstream);
                probes.spawn(async move { upstream.probe().await });
            }
            next = upstream.probe_at().map_or(next, |at| next.min(at));
        }
        next
    }

    /// One enclave after the other, without a pause.
    async fn dial_each(&self, deadline: Instant) -> Result<Connection, ConnectError> {
        let mut tried = Vec::new();
        let mut error = ConnectError::Draining;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && !tried.is_empty() {
                return Err(error);
            }
            let Some(in_use) = self.list().choose(&tried) else {
                return Err(error);
            };
            match connect_within(in_use.endpoint(), left.min(ATTEMPT_TIMEOUT)).await {
                Ok(stream) => return Ok(Connection::new(stream, in_use)),
                Err(reason) => {
                    self.0.dial_failures.inc();
                    tried.push(in_use.not_connected(&reason));
                    error = reason.into();
                }
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0
            .list
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

// The kernel gives up on a vsock connection after 2 s by default (vsock(7),
// SO_VM_SOCKETS_CONNECT_TIMEOUT); one attempt may take that long and a little more.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Without anything to probe.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
