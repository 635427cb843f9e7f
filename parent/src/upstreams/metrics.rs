//! What is counted of each enclave, read at each scrape. The enclaves that the operator has named are the only values of the label.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::{Upstreams, upstream::View};

#[derive(Clone, Debug, EncodeLabelSet)]
struct OfEnclave {
    enclave: String,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct OfProbe {
    enclave: String,
    outcome: &'static str,
}

impl Collector for Upstreams {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let views: Vec<(OfEnclave, View)> = self
            .list()
            .upstreams()
            .map(|upstream| {
                let enclave = upstream.endpoint.to_string();
                (OfEnclave { enclave }, upstream.view())
            })
            .collect();
        let mut gauge = |name, help, value: fn(&View) -> u64| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (enclave, view) in &views {
                ConstGauge::new(value(view)).encode(metric.encode_family(enclave)?)?;
            }
            Ok(())
        };
        gauge(
            "enclave_connections_open",
            "Clients that an enclave has now, those whose connection to it is being made included",
            |view| view.counts.open,
        )?;
        gauge(
            "enclave_ejected",
            "1 while an enclave is left out since it fails",
            |view| view.ejected.into(),
        )?;
        gauge(
            "enclave_draining",
            "1 while an enclave gets no more clients, by order",
            |view| view.leaving.into(),
        )?;
        gauge(
            "enclave_ready",
            "1 while an enclave gets clients and the first step of a handshake has gone through",
            |view| view.ready.into(),
        )?;

        let mut counter = |name, help, value: fn(&View) -> u64| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (enclave, view) in &views {
                ConstCounter::new(value(view)).encode(metric.encode_family(enclave)?)?;
            }
            Ok(())
        };
        counter(
            "enclave_connections",
            "Connections made to an enclave for clients",
            |view| view.counts.connections,
        )?;
        counter(
            "enclave_dial_failures",
            "Attempts to reach an enclave for a client that failed",
            |view| view.counts.dial_failures,
        )?;

        let mut metric = encoder.encode_descriptor(
            "enclave_probes",
            "Probes of an enclave, by outcome",
            None,
            MetricType::Counter,
        )?;
        for (OfEnclave { enclave }, View { counts, .. }) in views {
            for (outcome, count) in [
                ("passed", counts.probes_passed),
                ("failed", counts.probes_failed),
            ] {
                let enclave = enclave.clone();
                let label = OfProbe { enclave, outcome };
                ConstCounter::new(count).encode(metric.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
