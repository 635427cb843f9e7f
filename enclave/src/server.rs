//! Takes connections, and gives each a handshake and a session.

mod admission;
mod connection;
mod endorsements;
mod handshakes;
mod quotas;
mod session;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use sealnote_protocol::session::enclave::Enclave;
use sealnote_transport::{Cid, Listener, TransportError};
use thiserror::Error;

use self::admission::Admission;
use self::handshakes::Handshakes;
use self::quotas::Quotas;
use crate::attester::Attester;
use sealnote_engine::EngineHandle;

pub use self::endorsements::{Endorsements, MAX_ENDORSEMENTS};

/// The CID of the instance that an enclave runs on (AWS Nitro Enclaves user guide, "The vsock").
pub const PARENT_CID: Cid = Cid(3);

/// Requests that a session has opened beside those in flight, at most. One waits for a place. If nothing were read
/// meanwhile, a client that hangs up would not be noticed, and what it asked for would be computed for nobody; so there
/// is room for a second, and while that is free the stream is read.
pub const AHEAD: usize = 2;

/// How much of the enclave connections may take.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections that have no session yet, at most, and fewer where attestations take long; more wait to be
    /// accepted.
    pub half_open: usize,
    /// How long the hello may take from accept: a client sends it at once, and until then it holds a share of the time for
    /// attestations.
    pub hello_time: Duration,
    /// How long a handshake may take, from accept until the key message is opened.
    pub handshake_time: Duration,
    /// How long a client that must sign may take for it, once it was told that it has a place.
    pub signature_time: Duration,
    /// Sessions at once.
    pub sessions: usize,
    /// How long a newcomer waits for a place when all sessions are taken. Longer than a session takes to become idle
    /// and to close, and short enough that a client learns soon that there is no place.
    pub admission_time: Duration,
    /// How long a session may have nothing in flight before it is closed.
    pub idle_time: Duration,
    /// How long a session has nothing in flight before it may be closed for a newcomer. As long as the greatest
    /// request takes to come from far away.
    pub least_idle: Duration,
    /// After so long a session may be closed for a newcomer even if it is never idle: what is in flight is answered for a
    /// few seconds, and its client connects anew. Long beside a handshake, which is what that costs.
    pub term: Duration,
    /// How long a client may take to read one frame.
    pub send_time: Duration,
    /// How long the parent may take to hand over endorsements; others of it wait meanwhile.
    pub hand_over_time: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            half_open: 64,
            hello_time: Duration::from_secs(3),
            handshake_time: Duration::from_secs(10),
            signature_time: Duration::from_secs(5),
            sessions: 96,
            admission_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(120),
            least_idle: Duration::from_secs(3),
            term: Duration::from_secs(60),
            send_time: Duration::from_secs(30),
            hand_over_time: Duration::from_secs(5),
        }
    }
}

/// What every connection needs.
pub struct Service {
    /// Key, claims, limits, and who may ask.
    pub enclave: Arc<Enclave>,
    /// Where evidence comes from.
    pub attester: Arc<dyn Attester>,
    /// Where notes are classified.
    pub engine: EngineHandle,
    /// How much connections may take.
    pub limits: ServerLimits,
    /// From where vsock connections are taken; others are closed at once. Hygiene: no secret depends
    /// on it.
    pub peer_cids: Vec<Cid>,
    /// What endorses the evidence, as far as the parent has handed it over.
    pub endorsements: Arc<Endorsements>,
    /// Where the parent hands it over, for evidence that needs it.
    pub endorsements_listen: Option<Listener>,
}

/// Why an enclave does not serve, or no longer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener died.
    #[error(transparent)]
    Listener(#[from] TransportError),
    /// There is no thread for handshakes.
    #[error("the thread for handshakes cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What connections share.
struct Server {
    enclave: Arc<Enclave>,
    engine: EngineHandle,
    limits: ServerLimits,
    handshakes: Handshakes,
    admission: Arc<Admission>,
    /// Of an enclave that serves the clients that it has in a list.
    quotas: Option<Quotas>,
}

/// Serves connections until a listener dies. What befalls one connection ends that one only, and leaves no trace but its
/// end: an operator may read no more than that evidence or endorsements are wanting, which is the machine's affair.
pub async fn serve(listener: Listener, service: Service) -> ServeError {
    let limits = service.limits;
    let endorsements = service.endorsements;
    let handshakes = match Handshakes::start(service.attester, endorsements.clone(), &limits) {
        Ok(handshakes) => handshakes,
        Err(error) => return ServeError::Thread(error),
    };
    let server = Arc::new(Server {
        quotas: service.enclave.clients().map(Quotas::new),
        enclave: service.enclave,
        engine: service.engine,
        limits,
        handshakes,
        admission: Admission::new(limits),
    });
    let peer_cids = &service.peer_cids[..];
    let hand_overs = async {
        match service.endorsements_listen {
            Some(listener) => {
                let taken = endorsements.take(&listener, peer_cids, limits.hand_over_time);
                taken.await
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        error = accept_all(listener, server, peer_cids) => error.into(),
        error = hand_overs => error.into(),
    }
}

async fn accept_all(listener: Listener, server: Arc<Server>, peer_cids: &[Cid]) -> TransportError {
    loop {
        // Before accept, so that an excess of connections waits outside and costs nothing here.
        let half_open = server.handshakes.admit().await;
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        if let Some(cid) = stream.peer_cid()
            && !peer_cids.contains(&cid)
        {
            continue;
        }
        let server = server.clone();
        tokio::spawn(async move { connection::run(stream, &server, half_open).await });
    }
}
