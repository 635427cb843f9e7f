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
    time::{sleep, timeout, timeout_at},
};
use tracing::{info, warn};

use crate::{
    Config, Control, Listen, Metrics, ProxyProtocol, Snapshot,
    admin::{self, NotReady, Pages},
    bridge::{self, Ended},
    egress::{self, Gates, Orders},
    endorsements,
    limits::{Entrance, Farewells, Limit, Origin, Place, gone_or_silent},
    log::{self, RateLimit},
    metrics::EndReason,
    proxy_protocol::{self, HeaderError},
    reload::Current,
    upstreams::Upstreams,
};

/// A parent that listens, and copies once it [runs](Parent::run).
#[derive(Debug)]
pub struct Parent {
    listener: Listener,
    admin: Option<Listener>,
    egress: Vec<Endpoint>,
    orders: Orders,
    shared: Arc<Shared>,
}

/// Why the parent cannot start, or go on.
#[derive(Debug, Error)]
pub enum ParentError {
    /// The address for clients cannot be listened on.
    #[error(transparent)]
    Bind(TransportError),
    /// [`Listen::Systemd`] names no address; [`Parent::on`] takes the socket.
    #[error("there is no address to listen on, and no socket")]
    NoSocket,
    /// The address for the operator's HTTP cannot be listened on.
    #[error("metrics-listen: {0}")]
    BindAdmin(TransportError),
    /// An address for the enclave's own connections cannot be listened on.
    #[error("egress: {0}")]
    BindEgress(TransportError),
    /// The listening socket has failed.
    #[error(transparent)]
    Accept(TransportError),
}

impl Parent {
    /// Listens for clients; the enclave need not be there yet.
    pub async fn bind(config: Config) -> Result<Self, ParentError> {
        let Listen::At(endpoint) = &config.listen else {
            return Err(ParentError::NoSocket);
        };
        let listener = Listener::bind(endpoint).await.map_err(ParentError::Bind)?;
        Parent::on(listener, config).await
    }

    /// Takes clients from `listener`, wherever it comes from.
    pub async fn on(listener: Listener, config: Config) -> Result<Self, ParentError> {
        let admin = match &config.metrics_listen {
            Some(endpoint) => Some(
                Listener::bind(endpoint)
                    .await
                    .map_err(ParentError::BindAdmin)?,
            ),
            None => None,
        };
        let (gates, orders) = Gates::new();
        let prepared = gates.prepare(&config.egress.routes).await;
        let egress = prepared.map_err(ParentError::BindEgress)?.open();
        let upstreams = Upstreams::new(&config);
        let shared = Shared {
            stopping: AtomicBool::new(false),
            entrance: Entrance::default(),
            farewells: Farewells::default(),
            config: Arc::new(Current::new(config)),
            metrics: Arc::new(Metrics::of(&upstreams, &gates)),
            upstreams,
            gates,
            lines: Lines::default(),
        };
        Ok(Parent {
            listener,
            admin,
            egress,
            orders,
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

    /// Where the enclaves' own connections come in, with port 0 resolved, in the order of the configuration's routes.
    pub fn egress_endpoints(&self) -> &[Endpoint] {
        &self.egress
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
        Control::of(&self.shared.config, &self.shared.gates)
    }

    /// Serves until `shutdown` completes; then says for the drain delay that no more clients should come, accepts no more,
    /// gives the open connections the drain timeout to end, and closes the rest. Enclaves' own connections are let in as long
    /// as clients are, and have the same time. Returns the final counters.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Snapshot, ParentError> {
        let Parent {
            listener,
            admin,
            egress: _,
            orders,
            shared,
        } = self;
        let mut background = JoinSet::new();
        if let Some(admin) = admin {
            background.spawn(admin::serve(admin, shared.pages()));
        }
        background.spawn(log_counters(Arc::clone(&shared)));
        background.spawn(hand_over_endorsements(Arc::clone(&shared)));
        background.spawn(shared.upstreams.clone().follow(shared.config.watch()));

        // A task of its own: in this one it would wake the runtime's other threads for every client.
        let (stop, stopped) = oneshot::channel();
        let mut accepting = tokio::spawn(accept_until(stopped, listener, Arc::clone(&shared)));
        let (stop_egress, egress_stopped) = oneshot::channel();
        let egress = egress::accept_until(egress_stopped, orders, Arc::clone(&shared.config));
        let egress = tokio::spawn(egress);
        let ended = tokio::select! {
            ended = &mut accepting => ended,
            () = shared.leave_after(shutdown) => {
                drop(stop);
                accepting.await
            }
        };
        drop(stop_egress);
        let Accepted {
            mut connections,
            failed,
        } = match ended {
            Ok(accepted) => accepted,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let mut of_egress = match egress.await {
            Ok(connections) => connections,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };

        let open = shared.metrics.snapshot().open;
        if open > 0 {
            info!(open, "stopping");
        }
        let drained = async {
            while connections.join_next().await.is_some() {}
            while of_egress.join_next().await.is_some() {}
        };
        let _ = timeout(shared.config.get().drain_timeout, drained).await;
        connections.shutdown().await;
        of_egress.shutdown().await;

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
    entrance: Entrance,
    farewells: Farewells,
    metrics: Arc<Metrics>,
    upstreams: Upstreams,
    gates: Gates,
    lines: Lines,
}

/// How often each kind of line is logged.
#[derive(Debug, Default)]
struct Lines {
    refusals: [RateLimit; Limit::ALL.len()],
    proxy_headers: RateLimit,
    ends: [RateLimit; Ended::COUNT],
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
        if self.stopping.load(Relaxed) {
            return Err(NotReady("the parent is stopping"));
        }
        match self.upstreams.ready() {
            true => Ok(()),
            false => Err(NotReady("no enclave answers")),
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
        let (config, now) = (self.config.get(), Instant::now());
        let address = client.peer_address();
        if let (Stream::Tcp(_), None) = (&client, address) {
            // It has reset the connection already, and is not let past the limits of its address.
            return;
        }
        let mut place = match self.entrance.enter(&config) {
            Ok(place) => place,
            Err(limit) => return self.turn_away(client, address, limit, &config),
        };
        if config.proxy_protocol == ProxyProtocol::Off
            && let Err(limit) =
                self.entrance
                    .admit(&mut place, address.map(Origin::from), &config, now)
        {
            return self.turn_away(client, address, limit, &config);
        }
        connections.spawn(serve(client, place, config, Arc::clone(self)));
    }

    /// Tells a client that there is no place for it, counts it, and logs that there was one; whose it was only where the
    /// operator asks for it.
    fn turn_away(
        &self,
        client: Stream,
        address: Option<PeerAddress>,
        limit: Limit,
        config: &Config,
    ) {
        let address = log::address(address, config.log_addresses);
        self.farewells.say_full(client);
        self.metrics.refused(limit);
        if let Some(refused) = self.lines.refusals[limit as usize].due(Instant::now()) {
            warn!(limit = limit.value(config), refused, address, "{limit}");
        }
    }

    /// Logs that a limit ended a connection, if it was one.
    fn log_end(&self, ended: Ended) {
        if let Some(limit) = ended.limit()
            && let Some(connections) = self.lines.ends[ended as usize].due(Instant::now())
        {
            warn!(connections, "closed: {limit}");
        }
    }

    /// Lets a client in that comes through a proxy, once the proxy has said whose it is.
    async fn admit_proxied(
        &self,
        mut client: Stream,
        place: &mut Place,
        config: &Config,
        deadline: Instant,
    ) -> Option<Stream> {
        let header = timeout_at(deadline.into(), proxy_protocol::read_header(&mut client)).await;
        let claimed = match header.unwrap_or(Err(HeaderError::Late)) {
            Ok(claimed) => claimed,
            Err(error) => {
                self.metrics.refused_by_proxy_header();
                if let Some(refused) = self.lines.proxy_headers.due(Instant::now()) {
                    warn!(refused, "closed: {error}");
                }
                return None;
            }
        };
        // A connection of the proxy's own counts as the proxy's.
        let claimed = claimed.map(PeerAddress::Ip);
        let address = claimed.or_else(|| client.peer_address());
        let origin = address.map(Origin::from);
        if let Err(limit) = self.entrance.admit(place, origin, config, Instant::now()) {
            self.turn_away(client, address, limit, config);
            return None;
        }
        Some(client)
    }
}

async fn serve(mut client: Stream, mut place: Place, config: Arc<Config>, shared: Arc<Shared>) {
    let Shared {
        metrics, upstreams, ..
    } = &*shared;
    let open = metrics.connection();
    let deadline = Instant::now() + config.handshake_timeout;
    if config.proxy_protocol == ProxyProtocol::V2 {
        // On the heap, and not in every connection's task for as long as it lasts.
        let admitted = Box::pin(shared.admit_proxied(client, &mut place, &config, deadline));
        match admitted.await {
            Some(admitted) => client = admitted,
            None => return open.ended(EndReason::refused),
        }
    }
    metrics.accepted();

    // On the heap, and off it again: what dialling takes is not kept while bytes are copied.
    let dialling = Box::pin(upstreams.connect(config.connect_timeout));
    let dialled = tokio::select! {
        biased;
        dialled = dialling => dialled,
        ended = gone_or_silent(deadline.into(), &client) => {
            shared.log_end(ended);
            return open.ended(ended);
        }
    };
    let Ok(mut enclave) = dialled else {
        return open.ended(EndReason::enclave_unreached);
    };
    client.set_max_vsock_write(config.max_vsock_write);
    enclave.set_max_vsock_write(config.max_vsock_write);
    open.enclave_reached();
    let limits = bridge::Limits {
        client_speaks_by: deadline.into(),
        enclave_speaks_within: config.handshake_timeout,
        idle: config.idle_timeout,
        lifetime: Some(config.lifetime_timeout),
        bytes: config.max_bytes_per_connection.map(|bytes| bytes.get()),
    };
    let ended = bridge::bridge(client, enclave, limits, metrics.counted()).await;
    shared.log_end(ended);
    open.ended(ended);
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
