//! Counters, for Prometheus and for the log. Nothing here says whose connection it was, or what it carried.
//!
//! Names follow Prometheus's conventions ("Metric and label naming"); every label has a fixed set of values.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use tracing::info;

use crate::supervise::LifecycleMetrics;

/// The parent's counters since its start, shared between connections.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    open: Gauge,
    accepted: Counter,
    refused: Counter,
    refused_by_address: Counter,
    unreached: Counter,
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
    /// Clients closed because the enclave did not answer in time.
    pub unreached: u64,
    /// Single attempts to reach the enclave that failed.
    pub dial_failures: u64,
    /// Bytes handed to the enclave.
    pub to_enclave_bytes: u64,
    /// Bytes handed to clients.
    pub to_client_bytes: u64,
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

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sealnote_parent");
        let refused = Family::<Refusal, Counter>::default();
        let bytes = Family::<Way, Counter>::default();
        let of_reason = |reason| refused.get_or_create_owned(&Refusal { reason });
        let of_direction = |direction| bytes.get_or_create_owned(&Way { direction });
        let metrics = Metrics {
            open: Gauge::default(),
            accepted: Counter::default(),
            refused: of_reason(RefusalReason::connections),
            refused_by_address: of_reason(RefusalReason::connections_of_address),
            unreached: Counter::default(),
            dial_failures: Counter::default(),
            to_enclave_bytes: of_direction(Direction::to_enclave),
            to_client_bytes: of_direction(Direction::to_client),
            lifecycle: LifecycleMetrics::registered(&mut registry),
            registry: Registry::default(),
        };
        let version = ConstGauge::new(1u64);
        registry
            .sub_registry_with_label(("version".into(), env!("CARGO_PKG_VERSION").into()))
            .register("build_info", "The version that runs", version);
        registry.register(
            "connections_open",
            "Clients connected now, those that wait for the enclave included",
            metrics.open.clone(),
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
            "connections_unreached",
            "Clients closed because no enclave answered in time",
            metrics.unreached.clone(),
        );
        registry.register(
            "dial_failures",
            "Single attempts to reach an enclave that failed",
            metrics.dial_failures.clone(),
        );
        registry.register_with_unit("carried", "Bytes handed on", Unit::Bytes, bytes);
        Metrics {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// All of them as Prometheus and OpenMetrics read them.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open: u64::try_from(self.open.get()).unwrap_or(0),
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            refused_by_address: self.refused_by_address.get(),
            unreached: self.unreached.get(),
            dial_failures: self.dial_failures.get(),
            to_enclave_bytes: self.to_enclave_bytes.get(),
            to_client_bytes: self.to_client_bytes.get(),
        }
    }

    /// Counts a client as open until the guard is dropped.
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self)
    }

    /// What happens to enclaves is counted here.
    pub(crate) fn lifecycle(&self) -> &LifecycleMetrics {
        &self.lifecycle
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn refused_by_address(&self) {
        self.refused_by_address.inc();
    }

    pub(crate) fn unreached(&self) {
        self.unreached.inc();
    }

    pub(crate) fn dial_failed(&self) {
        self.dial_failures.inc();
    }

    pub(crate) fn to_enclave(&self) -> &Counter {
        &self.to_enclave_bytes
    }

    pub(crate) fn to_client(&self) -> &Counter {
        &self.to_client_bytes
    }
}
pub(crate) struct OpenConnection<'a>(&'a Metrics);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.open.dec();
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
            unreached = self.unreached,
            dial_failures = self.dial_failures,
            to_enclave_bytes = self.to_enclave_bytes,
            to_client_bytes = self.to_client_bytes,
            "{event}"
        );
    }
}
