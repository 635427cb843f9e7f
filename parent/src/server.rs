//! Accepting clients and letting them go.

use std::{future::Future, sync::Arc, time::Instant};

use sealnote_transport::{Endpoint, Listener, Stream, TransportError};
use thiserror::Error;
use tokio::{
    task::JoinSet,
    time::{interval_at, timeout},
};

use crate::{
    Config, Metrics, Snapshot, bridge, endorsements,
    limits::{Full, Origin, Place, Places, dial},
    log::{self, RateLimit},
};

/// A parent that listens, and copies once it [runs](Parent::run).
#[derive(Debug)]
pub struct Parent {
    listener: Listener,
    places: Places,
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
        let places = Places::new(config.max_connections, config.max_connections_per_address);
        let shared = Shared {
            config,
            metrics: Arc::default(),
            refusals: RateLimit::default(),
            refusals_by_address: RateLimit::default(),
            dial_failures: RateLimit::default(),
        };
        Ok(Parent {
            listener,
            places,
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

    /// Serves until `shutdown` completes; then accepts no more, gives the open connections the
    /// drain timeout to end, and closes the rest. Returns the final counters.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Snapshot, ParentError> {
        let Parent {
            listener,
            places,
            shared,
        } = self;
        let mut connections = JoinSet::new();
        let failed = tokio::select! {
            error = accept_all(&listener, &places, &shared, &mut connections) => Some(error),
            never = print_metrics(&shared) => match never {},
            never = hand_over_endorsements(&shared) => match never {},
            () = shutdown => None,
        };
        // Whoever connects from now on is refused by the system, and does not wait in vain.
        drop(listener);

        let open = shared.metrics.snapshot().open;
        if open > 0 {
            log::line(format_args!("stopping open={open}"));
        }
        let drained = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(shared.config.drain_timeout, drained).await;
        connections.shutdown().await;

        match failed {
            Some(error) => Err(ParentError::Accept(error)),
            None => Ok(shared.metrics.snapshot()),
        }
    }
}

#[derive(Debug)]
struct Shared {
    config: Config,
    metrics: Arc<Metrics>,
    refusals: RateLimit,
    refusals_by_address: RateLimit,
    dial_failures: RateLimit,
}

async fn accept_all(
    listener: &Listener,
    places: &Places,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) -> TransportError {
    loop {
        let client = match listener.accept().await {
            Ok(client) => client,
            Err(error) => return error,
        };
        // Finished tasks would otherwise be kept until the end.
        while connections.try_join_next().is_some() {}
        match places.take(client.peer_address().map(Origin::from)) {
            Ok(place) => {
                connections.spawn(serve(client, place, Arc::clone(shared)));
            }
            Err(full) => {
                drop(client);
                shared.refuse(full);
            }
        }
    }
}

impl Shared {
    /// Counts a client that was closed at once, and says so, but not whose it was.
    fn refuse(&self, full: Full) {
        let now = Instant::now();
        match full {
            Full::All => {
                self.metrics.refused();
                if let Some(count) = self.refusals.due(now) {
                    let cap = self.config.max_connections;
                    log::line(format_args!(
                        "too many connections cap={cap} refused={count}"
                    ));
                }
            }
            Full::Origin => {
                self.metrics.refused_by_address();
                if let Some(count) = self.refusals_by_address.due(now) {
                    let cap = self.config.max_connections_per_address;
                    log::line(format_args!(
                        "too many connections from one address cap={cap} refused={count}"
                    ));
                }
            }
        }
    }
}

async fn serve(client: Stream, _place: Place, shared: Arc<Shared>) {
    let Shared {
        config,
        metrics,
        dial_failures,
        ..
    } = &*shared;
    let _open = metrics.connection();
    let on_failure = |error: &TransportError| {
        metrics.dial_failed();
        if let Some(count) = dial_failures.due(Instant::now()) {
            log::line(format_args!(
                "enclave not reached failures={count}: {error}"
            ));
        }
    };
    match dial(&config.enclave, config.connect_timeout, on_failure).await {
        Ok(enclave) => bridge::bridge(client, enclave, config.idle_timeout, metrics).await,
        Err(_) => metrics.unreached(),
    }
}

async fn hand_over_endorsements(shared: &Shared) -> std::convert::Infallible {
    match &shared.config.endorsements {
        Some(endorsements) => endorsements::hand_over_all(endorsements).await,
        None => std::future::pending().await,
    }
}

async fn print_metrics(shared: &Shared) -> std::convert::Infallible {
    let Some(period) = shared
        .config
        .metrics_interval
        .filter(|period| !period.is_zero())
    else {
        return std::future::pending().await;
    };
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    loop {
        ticks.tick().await;
        log::line(shared.metrics.snapshot());
    }
}
