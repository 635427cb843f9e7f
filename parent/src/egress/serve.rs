//! Taking connections of enclaves, and joining each to its destination.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};

use sealnote_transport::{Cid, Endpoint, Stream, TransportError};
use tokio::{sync::oneshot, task::JoinSet};
use tracing::{error, warn};

use super::{
    Orders,
    dial::{DialError, dial},
    gates::Gate,
    traffic::{End, Refusal, Traffic},
};
use crate::{
    Config,
    bridge::{self, bridge},
    limits::{NoPlace, Place},
    log,
    reload::Current,
};

/// Takes connections on the listeners of the last order, until `stopped` resolves; those that are open then are returned. The
/// listeners are gone then.
pub(crate) async fn accept_until(
    mut stopped: oneshot::Receiver<()>,
    mut orders: Orders,
    config: Arc<Current>,
) -> JoinSet<()> {
    let (mut gates, mut connections) = (Vec::new(), JoinSet::new());
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return connections,
            // Who could give orders may be gone; the last order stays.
            Some(order) = orders.recv() => gates = order,
            (at, accepted) = accept_any(&gates) => match accepted {
                Ok(enclave) => let_in(enclave, &gates[at], &config.get(), &mut connections),
                Err(failure) => {
                    // A reload opens it again.
                    let gate = gates.swap_remove(at);
                    error!("no more egress to {}: {failure}", gate.traffic.destination);
                }
            },
        }
        // Finished tasks would otherwise be kept until the end.
        while connections.try_join_next().is_some() {}
    }
}

/// The next connection, and at which of them it came. They are few, and their connections rare.
async fn accept_any(gates: &[Gate]) -> (usize, Result<Stream, TransportError>) {
    let mut accepting: Vec<Pin<Box<_>>> = gates
        .iter()
        .map(|gate| Box::pin(gate.listener.accept()))
        .collect();
    poll_fn(|cx| {
        for (at, accept) in accepting.iter_mut().enumerate() {
            if let Poll::Ready(accepted) = accept.as_mut().poll(cx) {
                return Poll::Ready((at, accepted));
            }
        }
        Poll::Pending
    })
    .await
}

fn let_in(enclave: Stream, gate: &Gate, config: &Arc<Config>, connections: &mut JoinSet<()>) {
    let traffic = &gate.traffic;
    let place = match is_ours(enclave.peer_cid(), config) {
        true => traffic.places.take(config.egress.limits.connections),
        false => return turn_away(enclave, traffic, Refusal::Cid, config),
    };
    match place {
        Ok(place) => {
            let (traffic, config) = (Arc::clone(traffic), Arc::clone(config));
            connections.spawn(serve(enclave, place, traffic, config));
        }
        Err(NoPlace) => turn_away(enclave, traffic, Refusal::Connections, config),
    }
}

fn turn_away(enclave: Stream, traffic: &Traffic, refusal: Refusal, config: &Config) {
    traffic.refused(refusal);
    if let Some(refused) = traffic.refusal_lines[refusal as usize].due(Instant::now()) {
        let address = log::address(enclave.peer_address(), config.log_addresses);
        warn!(
            refused,
            address, "egress to {} refused: {refusal}", traffic.destination
        );
    }
}

/// What ends a connection is told, but for the usual ends.
fn log_end(traffic: &Traffic, end: End, reason: &impl fmt::Display) {
    if let Some(connections) = traffic.end_lines[end as usize].due(Instant::now()) {
        warn!(connections, "egress to {}: {reason}", traffic.destination);
    }
}

/// Whether a connection is of an enclave that this parent serves, where the CIDs of those are known, and its own.
///
/// It keeps other enclaves of the machine, and its processes, from using the parent's way out by accident. It protects no
/// key: the key service asks for evidence, and the operator, who could lift this, is not trusted.
fn is_ours(peer: Option<Cid>, config: &Config) -> bool {
    let Some(peer) = peer else {
        return true;
    };
    let named = config
        .enclaves
        .iter()
        .filter_map(|enclave| match enclave.endpoint {
            Endpoint::Vsock { cid, .. } => Some(cid),
            Endpoint::Unix { .. } | Endpoint::Tcp { .. } => None,
        });
    let mut ours = named.chain(config.egress.places.iter().copied()).peekable();
    ours.peek().is_none() || ours.any(|cid| cid == peer)
}

async fn serve(mut enclave: Stream, _place: Place, traffic: Arc<Traffic>, config: Arc<Config>) {
    let open = traffic.accepted();
    let limits = config.egress.limits;
    // On the heap, and off it again: what dialling takes is not kept while bytes are copied.
    let destination = match Box::pin(dial(&traffic.destination, limits.connect)).await {
        Ok(reached) => reached,
        Err(reason) => {
            let end = match reason {
                DialError::Name(_)
                | DialError::SlowName
                | DialError::NoAddress
                | DialError::Near => End::Unresolved,
                DialError::Unreached(_) => End::Unreached,
            };
            log_end(&traffic, end, &reason);
            return open.ended(end);
        }
    };
    enclave.set_max_vsock_write(config.max_vsock_write);
    let limits = bridge::Limits {
        // Either may be the first to speak: the one of a TLS session, or the other of a session with a release service.
        client_speaks_by: tokio::time::Instant::now() + limits.idle,
        enclave_speaks_within: limits.idle,
        idle: limits.idle,
        lifetime: Some(limits.lifetime),
        bytes: Some(limits.bytes.get()),
    };
    let end: End = bridge(enclave, destination, limits, traffic.counted())
        .await
        .into();
    if let Some(reason) = End::reason(end) {
        log_end(&traffic, end, &reason);
    }
    open.ended(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Enclaves, egress::Egress};

    #[test]
    fn where_cids_are_known_only_enclaves_of_this_parent_come_in() {
        let ours = |enclaves: &[&str], places: &[u32], peer: Option<u32>| {
            let enclaves: Vec<_> = enclaves.iter().map(|text| text.parse().unwrap()).collect();
            let enclaves = Enclaves::try_from(enclaves).unwrap();
            let mut config = Config::with("tcp:a:1".parse::<Endpoint>().unwrap().into(), enclaves);
            config.egress = Egress {
                places: places.iter().map(|cid| Cid(*cid)).collect(),
                ..Egress::default()
            };
            is_ours(peer.map(Cid), &config)
        };
        let two = ["vsock:16:5005", "vsock:17:5005,drain"];
        assert!(ours(&two, &[], Some(16)) && ours(&two, &[], Some(17)));
        for stranger in [1, 3, 18, u32::MAX] {
            assert!(!ours(&two, &[], Some(stranger)), "{stranger}");
            assert!(!ours(&["tcp:a:1"], &[16], Some(stranger)), "{stranger}");
        }
        // A replacement is named only once it answers.
        assert!(ours(&two[..1], &[16, 17], Some(17)) && !ours(&two[..1], &[], Some(17)));
        // Where they are not known, nobody is told apart.
        assert!(ours(&["tcp:a:1"], &[], Some(18)) && ours(&two, &[16], None));
        assert!(!ours(&["tcp:a:1", two[0]], &[], Some(18)));
    }
}
