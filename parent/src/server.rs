//! Accepting clients and letting them go.

use std::{future::Future, sync::Arc, time::Instant};

use sealnote_transport::{Endpoint, Listener, Stream, TransportError};
use thiserror::Error;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::{
    Config, Control, Metrics, Snapshot, bridge, endorsements,
    limits::{Full, Origin, Place, Places},
    log::RateLimit,
    reload::Current,
    upstreams::Upstreams,
};

/// A parent that listens, and copies once it [runs](Parent::run).
#[derive(Debug)]
pub struct Parent {
    listener: Listener,
    shared: Arc<Shared>,
}

/// Why the parent cannot start, or go on.
#[derive(Debug, Error)]
pub enum ParentError {
    /// The address for clients cannot be listened on.
    #[error(transparent)]
    Bind(TransportError),
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
        let upstreams = Upstreams::new(&config);
        let shared = Shared {
            places: Places::default(),
            config: Arc::new(Current::new(config)),
            metrics: Arc::new(Metrics::of(&upstreams)),
            upstreams,
            refusals: RateLimit::default(),
            refusals_by_address: RateLimit::default(),
        };
        Ok(Parent {
            listener,
            shared: Arc::new(shared),
        })
    }

    /// Where clients come in, with port 0 resolved.
    pub fn local_endpoint(&self) -> &Endpoint {
        self.listener.local_endpoint()
    }

    /// The counters, to look at while it runs.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// The enclaves, to see whether clients can be served.
    pub fn upstreams(&self) -> Upstreams {
        self.shared.upstreams.clone()
    }

    /// What changes its configuration while it runs.
    pub fn control(&self) -> Control {
        Control::of(&self.shared.config)
    }

    /// Serves until `shutdown` completes; then accepts no more, gives the open connections the
    /// drain timeout to end, and closes the rest. Returns the final counters.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Snapshot, ParentError> {
        let Parent { listener, shared } = self;
        let mut background = JoinSet::new();
        background.spawn(log_counters(Arc::clone(&shared)));
        background.spawn(hand_over_endorsements(Arc::clone(&shared)));
        background.spawn(shared.upstreams.clone().follow(shared.config.watch()));

        // A task of its own: in this one it would wake the runtime's other threads for every client.
        let (stop, stopped) = oneshot::channel();
        let mut accepting = tokio::spawn(accept_until(stopped, listener, Arc::clone(&shared)));
        let ended = tokio::select! {
            ended = &mut accepting => ended,
            () = shutdown => {
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
    places: Places,
    metrics: Arc<Metrics>,
    upstreams: Upstreams,
    refusals: RateLimit,
    refusals_by_address: RateLimit,
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
    /// Serves a client, or turns it away.
    fn let_in(self: &Arc<Self>, client: Stream, connections: &mut JoinSet<()>) {
        let config = self.config.get();
        match self
            .places
            .take(client.peer_address().map(Origin::from), &config)
        {
            Ok(place) => {
                connections.spawn(serve(client, place, config, Arc::clone(self)));
            }
            Err(full) => {
                drop(client);
                self.refuse(full, &config);
            }
        }
    }

    /// Counts a client that was closed at once, and says so, but not whose it was.
    fn refuse(&self, full: Full, config: &Config) {
        let now = Instant::now();
        match full {
            Full::All => {
                self.metrics.refused();
                if let Some(count) = self.refusals.due(now) {
                    warn!(
                        cap = config.max_connections,
                        refused = count,
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
                        "too many connections from one address"
                    );
                }
            }
        }
    }
}

async fn serve(client: Stream, _place: Place, config: Arc<Config>, shared: Arc<Shared>) {
    let Shared {
        metrics, upstreams, ..
    } = &*shared;
    let _open = metrics.connection();
    match upstreams.connect(config.connect_timeout).await {
        Ok((enclave, in_use)) => {
            bridge::bridge(client, enclave, in_use, config.idle_timeout, metrics).await;
        }
        Err(_) => metrics.unreached(),
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
