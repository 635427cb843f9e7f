//! From a loaded model and an attester to a service that can take connections.

use std::sync::Arc;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_access::{Clients, LEAST_NOTES_PER_HOUR};
use sealnote_protocol::claims::ClaimsError;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Enclave;
use sealnote_protocol::suite::BootKeys;
use sealnote_protocol::suite::rsa_oaep::{self, KeyError};
use sealnote_protocol::task::ModelClaims;
use sealnote_transport::{VSOCK_BACKLOG, VSOCK_BUFFER};
use thiserror::Error;

use crate::attester::Attester;
use crate::server::{AHEAD, Endorsements, MAX_ENDORSEMENTS, PARENT_CID, ServerLimits, Service};
use sealnote_engine::{Engine, EngineHandle, ModelInfo};

/// Notes in one request, at most.
const NOTES: u16 = 32;
/// Bytes of one note, at most: some 10,000 words.
const NOTE_BYTES: u32 = 64 * 1024;
/// Bytes of one padded request, at most.
const REQUEST_BYTES: u32 = 256 * 1024;
/// Requests in flight in one session, at most.
const IN_FLIGHT: u16 = 4;

/// The most memory that clients can take, in bytes: in each session the requests in flight and those that
/// are read ahead, and the tokens of one note (no more than its bytes); and what the kernel keeps of each
/// connection, also of those that wait to be accepted, and of sessions that were closed with bytes unread,
/// which it may keep for eight seconds more.
pub fn client_memory() -> u64 {
    let limits = ServerLimits::default();
    let (sessions, half_open) = (limits.sessions as u64, limits.half_open as u64);
    let requests = sessions * (u64::from(IN_FLIGHT) + AHEAD as u64) * u64::from(REQUEST_BYTES);
    let tokens = sessions * u64::from(NOTE_BYTES) * size_of::<u32>() as u64;
    let waiting = u64::from(VSOCK_BACKLOG) + 1;
    let closed = sessions;
    let connections = sessions + half_open + waiting + closed;
    requests + tokens + connections * CONNECTION_MEMORY
}

/// The most memory, in bytes, that endorsements take beside [`client_memory`], where evidence needs them: an answer for
/// each connection that has no session yet; those that the enclave has, and those that are handed over, in a buffer that
/// may be twice as long; one answer's parts and copies while it is made; and what the kernel keeps of the connections over
/// which they are handed over.
pub fn endorsement_memory() -> u64 {
    let answers = ServerLimits::default().half_open + 3;
    let connections = u64::from(VSOCK_BACKLOG) + 2;
    (answers * MAX_ANSWER + 3 * MAX_ENDORSEMENTS) as u64 + connections * CONNECTION_MEMORY
}

/// The most memory that the kernel takes for one connection, in bytes. What counts is not the bytes that
/// are not read but the segments that they came in, since the kernel keeps each in the buffer that it was
/// received into; it appends one to the segment before only if it has 128 bytes or less.
///
/// The kernel of eif.lock (net/vmw_vsock/virtio_transport_common.c) takes no more segments than
/// [`VSOCK_BUFFER`] has room for, charging 576 bytes for each. Before it refuses one, it merges those
/// that it has into one block, which is no larger than the buffer. Hence 28 segments and a block: 139 KiB.
///
/// Measured with 225 connections of segments of 129 bytes (`make test-memory`): 122 KiB each at most. With
/// the kernel's own buffer size, 256 KiB, it was 1.3 MiB each.
pub const CONNECTION_MEMORY: u64 =
    VSOCK_BUFFER / SEGMENT_CHARGE * SEGMENT_MEMORY + VSOCK_BUFFER + SOCKET_MEMORY;

/// What the kernel charges for each segment, SKB_TRUESIZE(0): less than it costs.
const SEGMENT_CHARGE: u64 = 576;
/// What a segment costs: the page that it was received into, and what describes it.
const SEGMENT_MEMORY: u64 = 4096 + 256;
/// A connection with nothing unread: the socket, its inode and file.
const SOCKET_MEMORY: u64 = 4096;

/// Why the enclave does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The engine's thread.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// The enclave's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The claims.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// A client's quota.
    #[error(
        "the list of clients has a quota of {quota} notes an hour, and one request may have {NOTES}: give each client at least so many"
    )]
    Quota {
        /// The least of the list.
        quota: u32,
    },
}

/// Draws the enclave's key, and puts it and the model in the claims; with a list of clients there is no key of the boot
/// (suite 2 has one a connection), and the claims say that clients sign. There is an attester already: under
/// Nitro the model is measured and every register locked before there is a key.
pub fn boot(
    engine: Engine,
    attester: Arc<dyn Attester>,
    clients: Option<Clients>,
    session_limits: SessionLimits,
) -> Result<Service, BootError> {
    let engine = EngineHandle::spawn(engine).map_err(BootError::Thread)?;
    let model = claims(engine.info());
    let limits = Limits::of_classification(
        NOTES,
        NOTE_BYTES,
        REQUEST_BYTES,
        IN_FLIGHT,
        model.labels.len(),
    );
    let enclave = match clients {
        Some(clients) => {
            check(&clients)?;
            Enclave::of_clients(clients, model, limits, session_limits)?
        }
        None => {
            let rsa_oaep = rsa_oaep::PrivateKey::generate(&mut UnwrapErr(SysRng))?;
            Enclave::new(BootKeys::new(Some(rsa_oaep)), model, limits, session_limits)?
        }
    };
    Ok(Service {
        enclave,
        endorsements: Endorsements::new(attester.endorsed_as()),
        endorsements_listen: None,
        attester,
        engine,
        limits: ServerLimits::default(),
        peer_cids: vec![PARENT_CID],
    })
}

/// A client must be able to ask for one request that is full, or it would never get further.
fn check(clients: &Clients) -> Result<(), BootError> {
    const { assert!(NOTES as u32 == LEAST_NOTES_PER_HOUR) }
    match clients.least_notes_per_hour() {
        quota if quota < LEAST_NOTES_PER_HOUR => Err(BootError::Quota { quota }),
        _ => Ok(()),
    }
}

fn claims(info: &ModelInfo) -> ModelClaims {
    ModelClaims::new(
        info.digest,
        info.labels.clone(),
        info.problem,
        info.window as u32,
        info.overlap as u32,
        info.precision,
    )
}
