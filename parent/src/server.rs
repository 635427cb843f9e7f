//! Accepting clients and letting them go.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use sealnote_transport::{Endpoint, Listener, PeerAddress, Stream, TransportError};
use thiserror::Error;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::{
    Config, Control, Metrics, Snapshot,
    admin::{self, NotReady, Pages},
    bridge, endorsements,
    limits::{Full, Origin, Place, Places, dial},
    log::{self, RateLimit},
    metrics::EndReason,
    reload::Current,
};

/// A parent that listens, and copies once it [runs](Parent::run).
#[derive(Debug)]
pub struct Parent {
    listener: Listener,
    admin: Option<Listener>,
    shared: Arc<Shared>,
}

/// Why the parent cannot start, or go on.
#[derive(Debug, Error)]
pub enum ParentError {
    /// The address for clients cannot be listened on.
    #[error(transparent)]
    Bind(TransportError),
    /// The address for the operator's HTTP cannot be listened on.
    #[error("metrics-listen: {0}")]
    BindAdmin(TransportError),
    /// The listening socket has failed.
    #[error(transparent)]
    Accept(TransportError),
}

impl Parent {
    /// Listens for clients; the enclave need not be there yet.
    pub async fn bind(config: Config) -> Result<Self, ParentError> {
        let listener = Listener::bind(&config.listen)
            .await
            .map_err(ParentError::Bind)?;
        let admin = match &config.metrics_listen {
            Some(endpoint) => Some(
                Listener::bind(endpoint)
                    .await
                    .map_err(ParentError::BindAdmin)?,
            ),
            None => None,
        };
        let shared = Shared {
            stopping: AtomicBool::new(false),
            places: Places::default(),
            config: Arc::new(Current::new(config)),
            metrics: Arc::default(),
            refusals: RateLimit::default(),
            refusals_by_address: RateLimit::default(),
            dial_failures: RateLimit::default(),
        };
        Ok(Parent {
            listener,
            admin,
            shared: Arc::new(shared),
        })
    }

    /// Where clients come in, with port 0 resolved.
    pub fn local_endpoint(&self) -> &Endpoint {
        self.listener.local_endpoint()
    }

    /// Where the operator's HTTP is served, with port 0 resolved.
    pub fn metrics_endpoint(&self) -> Option<&Endpoint> {
        self.admin.as_ref().map(Listener::local_endpoint)
    }

    /// The counters, to look at while it runs.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// What changes its configuration while it runs.
    pub fn control(&self) -> Control {
        Control::of(&self.shared.config)
    }

    /// Serves until `shutdown` completes; then says for the drain delay that no more clients should come, accepts no more,
    /// gives the open connections the drain timeout to end, and closes the rest. Returns the final counters.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Snapshot, ParentError> {
        let Parent {
            listener,
            admin,
            shared,
        } = self;
        let mut background = JoinSet::new();
        if let Some(admin) = admin {
            background.spawn(admin::serve(admin, shared.pages()));
        }
        background.spawn(log_counters(Arc::clone(&shared)));
        background.spawn(hand_over_endorsements(Arc::clone(&shared)));

        // A task of its own: in this one it would wake the runtime's other threads for every client.
        let (stop, stopped) = oneshot::channel();
        let mut accepting = tokio::spawn(accept_until(stopped, listener, Arc::clone(&shared)));
        let ended = tokio::select! {
            ended = &mut accepting => ended,
            () = shared.leave_after(shutdown) => {
                drop(stop);
                accepting.await
            }
        };
        let Accepted {
            mut connections,
            failed,
        } = match ended {
            Ok(accepted) => accepted,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };

        let open = shared.metrics.snapshot().open;
        if open > 0 {
            info!(open, "stopping");
        }
        let drained = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(shared.config.get().drain_timeout, drained).await;
        connections.shutdown().await;

        match failed {
            Some(error) => Err(ParentError::Accept(error)),
            None => Ok(shared.metrics.snapshot()),
        }
    }
}

#[derive(Debug)]
struct Shared {
    config: Arc<Current>,
    /// From the order to stop on.
    stopping: AtomicBool,
    places: Places,
    metrics: Arc<Metrics>,
    refusals: RateLimit,
    refusals_by_address: RateLimit,
    dial_failures: RateLimit,
}

/// What is there when accepting has ended.
struct Accepted {
    connections: JoinSet<()>,
    /// The listener's own failure.
    failed: Option<TransportError>,
}

/// Lets clients in until `stopped` resolves. The listener is gone then: who connects from now on is refused by the system,
/// and does not wait in vain.
async fn accept_until(
    mut stopped: oneshot::Receiver<()>,
    listener: Listener,
    shared: Arc<Shared>,
) -> Accepted {
    let mut connections = JoinSet::new();
    let failed = loop {
        let client = tokio::select! {
            client = listener.accept() => client,
            _ = &mut stopped => break None,
        };
        match client {
            Ok(client) => shared.let_in(client, &mut connections),
            Err(error) => break Some(error),
        }
        // Finished tasks would otherwise be kept until the end.
        while connections.try_join_next().is_some() {}
    };
    Accepted {
        connections,
        failed,
    }
}

impl Shared {
    fn pages(self: &Arc<Self>) -> Pages {
        let shared = Arc::clone(self);
        Pages {
            metrics: Arc::clone(&self.metrics),
            config: Arc::clone(&self.config),
            ready: Box::new(move || shared.ready()),
        }
    }

    fn ready(&self) -> Result<(), NotReady> {
        match self.stopping.load(Relaxed) {
            true => Err(NotReady("the parent is stopping")),
            false => Ok(()),
        }
    }

    /// The order, and the time that balancers have to see it.
    async fn leave_after(&self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stopping.store(true, Relaxed);
        sleep(self.config.get().drain_delay).await;
    }

    /// Serves a client, or turns it away.
    fn let_in(self: &Arc<Self>, client: Stream, connections: &mut JoinSet<()>) {
        let config = self.config.get();
        let address = client.peer_address();
        match self.places.take(address.map(Origin::from), &config) {
            Ok(place) => {
                connections.spawn(serve(client, place, config, Arc::clone(self)));
            }
            Err(full) => {
                drop(client);
                self.refuse(full, address, &config);
            }
        }
    }

    /// Counts a client that was closed at once, and says so; whose it was only where the operator asks for it.
    fn refuse(&self, full: Full, address: Option<PeerAddress>, config: &Config) {
        let now = Instant::now();
        let address = log::address(address, config.log_addresses);
        match full {
            Full::All => {
                self.metrics.refused();
                if let Some(count) = self.refusals.due(now) {
                    warn!(
                        cap = config.max_connections,
                        refused = count,
                        address,
                        "too many connections"
                    );
                }
            }
            Full::Origin => {
                self.metrics.refused_by_address();
                if let Some(count) = self.refusals_by_address.due(now) {
                    let cap = config.max_connections_per_address;
                    warn!(
                        cap,
                        refused = count,
                        address,
                        "too many connections from one address"
                    );
                }
            }
        }
    }
}

async fn serve(client: Stream, _place: Place, config: Arc<Config>, shared: Arc<Shared>) {
    let Shared {
        metrics,
        dial_failures,
        ..
    } = &*shared;
    let open = metrics.connection();
    let on_failure = |error: &TransportError| {
        metrics.dial_failed();
        if let Some(failures) = dial_failures.due(Instant::now()) {
            warn!(failures, "enclave not reached: {error}");
        }
    };
    match dial(&config.enclave, config.connect_timeout, on_failure).await {
        Ok(enclave) => {
            open.enclave_reached();
            open.ended(bridge::bridge(client, enclave, config.idle_timeout, metrics).await);
        }
        Err(_) => open.ended(EndReason::enclave_unreached),
    }
}

async fn hand_over_endorsements(shared: Arc<Shared>) {
    let mut configs = shared.config.watch();
    loop {
        let endorsements = configs.borrow_and_update().endorsements.clone();
        let handing_over = async {
            match &endorsements {
                Some(endorsements) => endorsements::hand_over_all(endorsements).await,
                None => std::future::pending().await,
            }
        };
        // A new configuration begins anew, by what it says.
        tokio::select! {
            never = handing_over => match never {},
            changed = configs.changed() => if changed.is_err() { return },
        }
    }
}

async fn log_counters(shared: Arc<Shared>) {
    let mut configs = shared.config.watch();
    loop {
        let period = configs.borrow_and_update().metrics_interval;
        let ticks = async {
            match period {
                Some(period) => loop {
                    sleep(period).await;
                    shared.metrics.snapshot().log("counters");
                },
                None => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            () = ticks => {}
            changed = configs.changed() => if changed.is_err() { return },
        }
    }
}
