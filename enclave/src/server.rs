//! Takes connections, and gives each a handshake and a session.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use sealnote_protocol::session::enclave::Enclave;
use sealnote_transport::{Cid, Listener, TransportError};
use tokio::sync::Semaphore;

use crate::attester::Attester;
use crate::engine::EngineHandle;

/// The CID of the instance that an enclave runs on (AWS Nitro Enclaves user guide, "The vsock").
pub const PARENT_CID: Cid = Cid(3);

/// How much of the enclave connections may take.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections whose handshake is not complete; more wait to be accepted.
    pub half_open: usize,
    /// How long a handshake may take, from accept to the key message.
    pub handshake_time: Duration,
    /// Sessions at once; more connections wait to be accepted.
    pub sessions: usize,
    /// How long a session may have nothing in flight before it is closed.
    pub idle_time: Duration,
    /// How long a client may take to read one frame.
    pub send_time: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            half_open: 64,
            handshake_time: Duration::from_secs(10),
            sessions: 96,
            idle_time: Duration::from_secs(120),
            send_time: Duration::from_secs(30),
        }
    }
}

/// What every connection needs.
pub struct Service {
    /// Key, claims and limits.
    pub enclave: Arc<Enclave>,
    /// Where evidence comes from.
    pub attester: Box<dyn Attester>,
    /// Where notes are classified.
    pub engine: EngineHandle,
    /// How much connections may take.
    pub limits: ServerLimits,
    /// From where vsock connections are taken; others are closed at once. Hygiene: no secret depends
    /// on it.
    pub peer_cids: Vec<Cid>,
}

/// Serves connections until the listener dies. What befalls one connection ends that one only, and
/// leaves no trace but its end: there is nothing here that an operator may read.
pub async fn serve(listener: Listener, service: Service) -> TransportError {
    let half_open = Arc::new(Semaphore::new(service.limits.half_open));
    let sessions = Arc::new(Semaphore::new(service.limits.sessions));
    let service = Arc::new(service);
    loop {
        // Before accept, so that an excess of connections waits outside and costs nothing here.
        let (Ok(session), Ok(handshake)) = (
            sessions.clone().acquire_owned().await,
            half_open.clone().acquire_owned().await,
        ) else {
            unreachable!("the semaphores are never closed");
        };
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        if let Some(cid) = stream.peer_cid()
            && !service.peer_cids.contains(&cid)
        {
            continue;
        }
        let service = service.clone();
        tokio::spawn(async move {
            let _session = session;
            connection::run(stream, service, handshake).await;
        });
    }
}
