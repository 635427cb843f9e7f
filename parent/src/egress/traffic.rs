//! What there is of one destination: its places, its counters, its lines in the log.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
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

#[derive(Clone, Debug, EncodeLabelSet)]
struct To {
    destination: String,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct Because {
    destination: String,
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct Way {
    destination: String,
    direction: &'static str,
}

/// Read at each scrape. The destinations that the operator has named are the only values of the label.
impl Collector for Gates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.traffic();
        let to = |traffic: &Traffic| traffic.destination.to_string();

        let mut open = encoder.encode_descriptor(
            "egress_connections_open",
            "Connections that enclaves have to a destination now, those that are being made included",
            None,
            MetricType::Gauge,
        )?;
        for traffic in &all {
            let destination = to(traffic);
            let value = traffic.places.taken() as u64;
            ConstGauge::new(value).encode(open.encode_family(&To { destination })?)?;
        }

        let mut accepted = encoder.encode_descriptor(
            "egress_connections_accepted",
            "Connections of enclaves that were let in, by destination",
            None,
            MetricType::Counter,
        )?;
        for traffic in &all {
            let destination = to(traffic);
            let value = traffic.accepted.get();
            ConstCounter::new(value).encode(accepted.encode_family(&To { destination })?)?;
        }

        let mut refused = encoder.encode_descriptor(
            "egress_connections_refused",
            "Connections closed as they came, by destination and reason",
            None,
            MetricType::Counter,
        )?;
        for traffic in &all {
            for refusal in Refusal::ALL {
                let (destination, reason) = (to(traffic), refusal.label());
                let value = traffic.refused[refusal as usize].get();
                let label = Because {
                    destination,
                    reason,
                };
                ConstCounter::new(value).encode(refused.encode_family(&label)?)?;
            }
        }

        let mut ended = encoder.encode_descriptor(
            "egress_connections_ended",
            "Connections of enclaves that have ended, by destination and reason",
            None,
            MetricType::Counter,
        )?;
        for traffic in &all {
            for end in End::ALL {
                let (destination, reason) = (to(traffic), end.label());
                let value = traffic.ended[end as usize].get();
                let label = Because {
                    destination,
                    reason,
                };
                ConstCounter::new(value).encode(ended.encode_family(&label)?)?;
            }
        }

        let mut carried = encoder.encode_descriptor(
            "egress_carried",
            "Bytes handed on between enclaves and a destination",
            Some(&Unit::Bytes),
            MetricType::Counter,
        )?;
        for traffic in &all {
            for (direction, counter) in [
                ("to_destination", &traffic.to_destination),
                ("to_enclave", &traffic.to_enclave),
            ] {
                let destination = to(traffic);
                let label = Way {
                    destination,
                    direction,
                };
                ConstCounter::new(counter.get()).encode(carried.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
