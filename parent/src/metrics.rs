//! Counters, for Prometheus and for the log. Nothing here says whose connection it was, or what it carried.
//!
//! Names follow Prometheus's conventions ("Metric and label naming"); every label has a fixed set of values.

mod process;
mod text;

use std::{hash::Hash, num::NonZeroUsize, time::Instant};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tracing::info;

use crate::{
    bridge::{Counted, Ended},
    egress::Gates,
    limits::Limit,
    supervise::LifecycleMetrics,
    upstreams::Upstreams,
};

pub(crate) use text::CONTENT_TYPE;

/// The parent's counters since its start, shared between connections.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ready: Gauge,
    open: Gauge,
    limit: Gauge,
    accepted: Counter,
    refused: Family<Refusal, Counter>,
    ended: Family<End, Counter>,
    durations: Histogram,
    connects: Histogram,
    /// In the registry it is counted by enclave.
    dial_failures: Counter,
    to_enclave_bytes: Counter,
    to_client_bytes: Counter,
    lifecycle: LifecycleMetrics,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Clients connected now, those that wait for the enclave included.
    pub open: u64,
    /// Clients let in since the start.
    pub accepted: u64,
    /// Clients turned away because there were too many.
    pub refused: u64,
    /// Clients turned away because there were too many from their address.
    pub refused_by_address: u64,
    /// Clients turned away because too many came in a second, in all or from their address.
    pub refused_by_rate: u64,
    /// Connections closed because they did not begin with the PROXY header that they must have.
    pub refused_by_proxy_header: u64,
    /// Clients closed because the enclave did not answer in time.
    pub unreached: u64,
    /// Single attempts to reach the enclave that failed.
    pub dial_failures: u64,
    /// Bytes handed to the enclave.
    pub to_enclave_bytes: u64,
    /// Bytes handed to clients.
    pub to_client_bytes: u64,
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "labels are written so")]
pub(crate) enum EndReason {
    /// Both sides had said all.
    finished,
    /// The client's connection failed.
    client_failed,
    /// The enclave's connection failed.
    enclave_failed,
    /// No enclave was reached in time.
    enclave_unreached,
    /// The client was turned away after its proxy had said whose it is, or because it had not.
    refused,
    /// The client had not said a word in time.
    client_silent,
    /// The enclave had not, once it was reached.
    enclave_silent,
    /// The client had taken nothing of what it was sent for too long.
    client_stalled,
    /// Nothing had moved for too long.
    idle,
    /// It was as old as a connection may become.
    lifetime,
    /// It had carried as much as a connection may.
    bytes,
    /// The parent stopped, and waited no longer.
    stopped,
}

impl From<Ended> for EndReason {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Finished => EndReason::finished,
            Ended::ClientFailed => EndReason::client_failed,
            Ended::EnclaveFailed => EndReason::enclave_failed,
            Ended::ClientSilent => EndReason::client_silent,
            Ended::EnclaveSilent => EndReason::enclave_silent,
            Ended::ClientStalled => EndReason::client_stalled,
            Ended::Idle => EndReason::idle,
            Ended::Lifetime => EndReason::lifetime,
            Ended::Bytes => EndReason::bytes,
        }
    }
}

const END_REASONS: [EndReason; 12] = [
    EndReason::finished,
    EndReason::client_failed,
    EndReason::enclave_failed,
    EndReason::enclave_unreached,
    EndReason::refused,
    EndReason::client_silent,
    EndReason::enclave_silent,
    EndReason::client_stalled,
    EndReason::idle,
    EndReason::lifetime,
    EndReason::bytes,
    EndReason::stopped,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    reason: EndReason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    reason: RefusalReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "labels are written so")]
enum RefusalReason {
    connections,
    connections_of_address,
    rate,
    rate_of_address,
    proxy_header,
}

const REFUSAL_REASONS: [RefusalReason; 5] = [
    RefusalReason::connections,
    RefusalReason::connections_of_address,
    RefusalReason::rate,
    RefusalReason::rate_of_address,
    RefusalReason::proxy_header,
];

impl From<Limit> for RefusalReason {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Connections => RefusalReason::connections,
            Limit::ConnectionsOfAddress => RefusalReason::connections_of_address,
            Limit::Rate => RefusalReason::rate,
            Limit::RateOfAddress => RefusalReason::rate_of_address,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "labels are written so")]
enum Direction {
    to_enclave,
    to_client,
}

/// A counter for each of `labels`, all of which are there from the start: a rate then shows the first of a kind, too.
pub(crate) fn counters<L>(labels: impl IntoIterator<Item = L>) -> Family<L, Counter>
where
    L: Clone + Eq + Hash,
{
    let counters = Family::default();
    for label in labels {
        drop(counters.get_or_create_owned(&label));
    }
    counters
}

/// Of every name but the process's own.
const PREFIX: &str = "sealnote_parent";

impl Default for Metrics {
    fn default() -> Self {
        let refused = counters(REFUSAL_REASONS.map(|reason| Refusal { reason }));
        let bytes = Family::<Way, Counter>::default();
        let of_direction = |direction| bytes.get_or_create_owned(&Way { direction });
        let metrics = Metrics {
            ready: Gauge::default(),
            open: Gauge::default(),
            limit: Gauge::default(),
            accepted: Counter::default(),
            refused: refused.clone(),
            ended: counters(END_REASONS.map(|reason| End { reason })),
            // To more than the hour that a session lasts.
            durations: Histogram::new(exponential_buckets(0.01, 4.0, 11)),
            // To more than the minute that a client is held while the enclave boots.
            connects: Histogram::new(exponential_buckets(0.000_1, 4.0, 11)),
            dial_failures: Counter::default(),
            to_enclave_bytes: of_direction(Direction::to_enclave),
            to_client_bytes: of_direction(Direction::to_client),
            lifecycle: LifecycleMetrics::default(),
            registry: Registry::default(),
        };
        let mut all = Registry::default();
        all.register_collector(Box::new(process::Process::started_now()));
        let registry = all.sub_registry_with_prefix(PREFIX);
        metrics.lifecycle.register(registry);
        let version = ConstGauge::new(1u64);
        registry
            .sub_registry_with_label(("version".into(), env!("CARGO_PKG_VERSION").into()))
            .register("build_info", "The version that runs", version);
        registry.register(
            "ready",
            "1 while clients should come, as /readyz says; 0 otherwise",
            metrics.ready.clone(),
        );
        registry.register(
            "connections_open",
            "Clients connected now, those that wait for the enclave included",
            metrics.open.clone(),
        );
        registry.register(
            "connections_limit",
            "The most clients at a time",
            metrics.limit.clone(),
        );
        registry.register(
            "connections_accepted",
            "Clients let in",
            metrics.accepted.clone(),
        );
        registry.register(
            "connections_refused",
            "Clients turned away, by the limit that they met",
            refused,
        );
        registry.register(
            "connections_ended",
            "Connections that have ended, by the reason",
            metrics.ended.clone(),
        );
        registry.register_with_unit(
            "connection_duration",
            "How long connections lasted",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register_with_unit(
            "enclave_connect_duration",
            "How long clients waited until an enclave was reached, attempts that failed included",
            Unit::Seconds,
            metrics.connects.clone(),
        );
        registry.register_with_unit("carried", "Bytes handed on", Unit::Bytes, bytes);
        Metrics {
            registry: all,
            ..metrics
        }
    }
}

impl Metrics {
    /// With those of each enclave, and of each destination of theirs.
    pub(crate) fn of(upstreams: &Upstreams, gates: &Gates) -> Self {
        let mut metrics = Metrics {
            dial_failures: upstreams.dial_failures(),
            ..Metrics::default()
        };
        let registry = metrics.registry.sub_registry_with_prefix(PREFIX);
        registry.register_collector(Box::new(upstreams.clone()));
        registry.register_collector(Box::new(gates.clone()));
        metrics
    }

    /// All of them in Prometheus's text format.
    pub fn encode(&self) -> String {
        let mut open_metrics = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut open_metrics, &self.registry);
        text::prometheus(&open_metrics)
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open: u64::try_from(self.open.get()).unwrap_or(0),
            accepted: self.accepted.get(),
            refused: self.refused_for(RefusalReason::connections),
            refused_by_address: self.refused_for(RefusalReason::connections_of_address),
            refused_by_rate: self.refused_for(RefusalReason::rate)
                + self.refused_for(RefusalReason::rate_of_address),
            refused_by_proxy_header: self.refused_for(RefusalReason::proxy_header),
            unreached: self.ended(EndReason::enclave_unreached).get(),
            dial_failures: self.dial_failures.get(),
            to_enclave_bytes: self.to_enclave_bytes.get(),
            to_client_bytes: self.to_client_bytes.get(),
        }
    }

    /// Counts a client as open until the guard is dropped.
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.open.inc();
        OpenConnection {
            metrics: self,
            since: Instant::now(),
            end: EndReason::stopped,
        }
    }

    /// What happens to enclaves is counted here.
    pub(crate) fn lifecycle(&self) -> &LifecycleMetrics {
        &self.lifecycle
    }

    pub(crate) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(crate) fn refused(&self, limit: Limit) {
        let reason = limit.into();
        self.refused.get_or_create(&Refusal { reason }).inc();
    }

    pub(crate) fn refused_by_proxy_header(&self) {
        let reason = RefusalReason::proxy_header;
        self.refused.get_or_create(&Refusal { reason }).inc();
    }

    fn refused_for(&self, reason: RefusalReason) -> u64 {
        self.refused.get_or_create(&Refusal { reason }).get()
    }

    pub(crate) fn counted(&self) -> Counted<'_> {
        Counted {
            to_enclave: &self.to_enclave_bytes,
            to_client: &self.to_client_bytes,
        }
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    pub(crate) fn set_connections_limit(&self, limit: NonZeroUsize) {
        self.limit
            .set(i64::try_from(limit.get()).unwrap_or(i64::MAX));
    }

    fn ended(&self, reason: EndReason) -> Counter {
        self.ended.get_or_create_owned(&End { reason })
    }
}

/// A client that is connected. Dropped without an [end](OpenConnection::ended) it was cut off by the parent's own.
pub(crate) struct OpenConnection<'a> {
    metrics: &'a Metrics,
    since: Instant,
    end: EndReason,
}

impl OpenConnection<'_> {
    /// The client is joined to an enclave.
    pub(crate) fn enclave_reached(&self) {
        self.metrics
            .connects
            .observe(self.since.elapsed().as_secs_f64());
    }

    pub(crate) fn ended(mut self, reason: impl Into<EndReason>) {
        self.end = reason.into();
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        let lasted = self.since.elapsed().as_secs_f64();
        self.metrics.durations.observe(lasted);
        self.metrics.ended(self.end).inc();
        self.metrics.open.dec();
    }
}

impl Snapshot {
    /// One event of the log.
    pub(crate) fn log(&self, event: &'static str) {
        info!(
            open = self.open,
            accepted = self.accepted,
            refused = self.refused,
            refused_by_address = self.refused_by_address,
            refused_by_rate = self.refused_by_rate,
            refused_by_proxy_header = self.refused_by_proxy_header,
            unreached = self.unreached,
            dial_failures = self.dial_failures,
            to_enclave_bytes = self.to_enclave_bytes,
            to_client_bytes = self.to_client_bytes,
            "{event}"
        );
    }
}
