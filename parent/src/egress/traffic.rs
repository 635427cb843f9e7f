//! What there is of one destination: its places, its counters, its lines in the log.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        gauge::ConstGauge,
    },
    registry::Unit,
};

use super::{Destination, Gates};
use crate::{
    bridge::{Counted, Ended},
    limits::Places,
    log::RateLimit,
};

#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) destination: Destination,
    pub(super) places: Places,
    accepted: Counter,
    refused: [Counter; Refusal::ALL.len()],
    ended: [Counter; End::ALL.len()],
    to_destination: Counter,
    to_enclave: Counter,
    pub(super) refusal_lines: [RateLimit; Refusal::ALL.len()],
    pub(super) end_lines: [RateLimit; End::ALL.len()],
}

/// Why a connection was closed as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There were as many as there may be.
    Connections,
    /// It was of no enclave that this parent serves.
    Cid,
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides had said all.
    Finished,
    /// The enclave's connection failed.
    EnclaveFailed,
    /// The enclave had taken nothing of what it was sent for too long.
    EnclaveStalled,
    /// The destination's connection failed.
    DestinationFailed,
    /// The destination's name has no address.
    Unresolved,
    /// None of its addresses was reached in time.
    Unreached,
    /// Nothing had moved for too long, or one side had not said a word.
    Idle,
    /// It was as old as it may become.
    Lifetime,
    /// It had carried as much as it may.
    Bytes,
    /// The parent stopped, and waited no longer.
    Stopped,
}

impl Traffic {
    pub(super) fn new(destination: Destination) -> Self {
        Traffic {
            destination,
            places: Places::default(),
            accepted: Counter::default(),
            refused: Default::default(),
            ended: Default::default(),
            to_destination: Counter::default(),
            to_enclave: Counter::default(),
            refusal_lines: Default::default(),
            end_lines: Default::default(),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        self.refused[refusal as usize].inc();
    }

    /// A connection that is let in.
    pub(super) fn accepted(&self) -> OpenConnection<'_> {
        self.accepted.inc();
        OpenConnection {
            traffic: self,
            end: End::Stopped,
        }
    }

    /// To the bridge, the enclave is the client, and the destination the enclave.
    pub(super) fn counted(&self) -> Counted<'_> {
        Counted {
            to_enclave: &self.to_destination,
            to_client: &self.to_enclave,
        }
    }
}

/// Dropped without an [end](OpenConnection::ended) it was cut off by the parent's own.
pub(super) struct OpenConnection<'a> {
    traffic: &'a Traffic,
    end: End,
}

impl OpenConnection<'_> {
    pub(super) fn ended(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.traffic.ended[self.end as usize].inc();
    }
}

impl Refusal {
    const ALL: [Refusal; 2] = [Refusal::Connections, Refusal::Cid];

    fn label(self) -> &'static str {
        match self {
            Refusal::Connections => "connections",
            Refusal::Cid => "cid",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Connections => "too many connections to this destination",
            Refusal::Cid => "it came from no enclave of this parent",
        })
    }
}

impl End {
    const ALL: [End; 10] = [
        End::Finished,
        End::EnclaveFailed,
        End::EnclaveStalled,
        End::DestinationFailed,
        End::Unresolved,
        End::Unreached,
        End::Idle,
        End::Lifetime,
        End::Bytes,
        End::Stopped,
    ];

    fn label(self) -> &'static str {
        match self {
            End::Finished => "finished",
            End::EnclaveFailed => "enclave_failed",
            End::EnclaveStalled => "enclave_stalled",
            End::DestinationFailed => "destination_failed",
            End::Unresolved => "destination_unresolved",
            End::Unreached => "destination_unreached",
            End::Idle => "idle",
            End::Lifetime => "lifetime",
            End::Bytes => "bytes",
            End::Stopped => "stopped",
        }
    }
}

impl End {
    /// What the log says of it; nothing of the usual ends, and of a dial that failed more is known.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            End::Finished | End::EnclaveFailed | End::Stopped => None,
            End::Unresolved | End::Unreached => None,
            End::EnclaveStalled => {
                Some("closed: the enclave took nothing of what it was sent for a minute")
            }
            End::DestinationFailed => Some("its connection failed"),
            End::Idle => {
                Some("closed: nothing moved, or one side never said anything, for too long")
            }
            End::Lifetime => Some("closed: the connection lasted for too long"),
            End::Bytes => Some("closed: the connection was to carry too much"),
        }
    }
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Finished => End::Finished,
            Ended::ClientFailed => End::EnclaveFailed,
            Ended::EnclaveFailed => End::DestinationFailed,
            Ended::ClientSilent | Ended::EnclaveSilent | Ended::Idle => End::Idle,
            Ended::ClientStalled => End::EnclaveStalled,
            Ended::Lifetime => End::Lifetime,
            Ended::Bytes => End::Bytes,
        }
    }
}

/// Read at each scrape. The destinations that the operator has named are the only values of their label.
impl Collector for Gates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.traffic();
        let destination = |traffic: &Traffic| ("destination", traffic.destination.to_string());

        let mut open = encoder.encode_descriptor(
            "egress_connections_open",
            "Connections that enclaves have to a destination now, those that are being made included",
            None,
            MetricType::Gauge,
        )?;
        for traffic in &all {
            let value = ConstGauge::new(traffic.places.taken() as u64);
            value.encode(open.encode_family(&[destination(traffic)])?)?;
        }

        let mut counter = |name, help, unit: Option<Unit>, samples: fn(&Traffic) -> Vec<Sample>| {
            let mut metric =
                encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
            for traffic in &all {
                for Sample { label, count } in samples(traffic) {
                    let mut labels = vec![destination(traffic)];
                    labels.extend(label.map(|(name, value)| (name, value.to_owned())));
                    ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
                }
            }
            Ok(())
        };
        counter(
            "egress_connections_accepted",
            "Connections of enclaves that were let in, by destination",
            None,
            |traffic| vec![Sample::of(None, &traffic.accepted)],
        )?;
        counter(
            "egress_connections_refused",
            "Connections closed as they came, by destination and reason",
            None,
            |traffic| {
                let of = |refusal: Refusal| {
                    let label = ("reason", refusal.label());
                    Sample::of(Some(label), &traffic.refused[refusal as usize])
                };
                Refusal::ALL.map(of).into()
            },
        )?;
        counter(
            "egress_connections_ended",
            "Connections of enclaves that have ended, by destination and reason",
            None,
            |traffic| {
                let of = |end: End| {
                    let label = ("reason", end.label());
                    Sample::of(Some(label), &traffic.ended[end as usize])
                };
                End::ALL.map(of).into()
            },
        )?;
        counter(
            "egress_carried",
            "Bytes handed on between enclaves and a destination",
            Some(Unit::Bytes),
            |traffic| {
                let of = |direction, counter| Sample::of(Some(("direction", direction)), counter);
                vec![
                    of("to_destination", &traffic.to_destination),
                    of("to_enclave", &traffic.to_enclave),
                ]
            },
        )
    }
}

/// A counter of one destination.
struct Sample {
    /// Beside the destination's.
    label: Option<(&'static str, &'static str)>,
    count: u64,
}

impl Sample {
    fn of(label: Option<(&'static str, &'static str)>, counter: &Counter) -> Self {
        let count = counter.get();
        Sample { label, count }
    }
}
