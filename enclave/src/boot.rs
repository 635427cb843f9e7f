//! From a loaded model and an attester to a service that can take connections.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_protocol::claims::{ClaimsError, Limits, ModelClaims};
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::Enclave;
use sealnote_protocol::suite::rsa_oaep::{self, KeyError};
use thiserror::Error;

use crate::attester::Attester;
use crate::engine::{Engine, EngineHandle, ModelInfo};
use crate::server::{PARENT_CID, ServerLimits, Service};

/// Notes in one request, at most.
const NOTES: u16 = 32;
/// Bytes of one note, at most: some 10,000 words.
const NOTE_BYTES: u32 = 64 * 1024;
/// Bytes of one padded request, at most.
const REQUEST_BYTES: u32 = 256 * 1024;
/// Requests in flight in one session, at most.
const IN_FLIGHT: u16 = 4;

/// The most memory that clients can take, in bytes: in each session the requests in flight and one that is
/// being received, the tokens of one note (no more than its bytes), and what the kernel keeps of each
/// connection's bytes (vsock's default buffer).
pub fn client_memory() -> u64 {
    const KERNEL_BUFFER: u64 = 256 * 1024;
    let limits = ServerLimits::default();
    let (sessions, half_open) = (limits.sessions as u64, limits.half_open as u64);
    let requests = sessions * (u64::from(IN_FLIGHT) + 1) * u64::from(REQUEST_BYTES);
    let tokens = sessions * u64::from(NOTE_BYTES) * size_of::<u32>() as u64;
    requests + tokens + (sessions + half_open) * KERNEL_BUFFER
}

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
}

/// Draws the enclave's key, and puts it and the model in the claims. There is an attester already: under
/// Nitro the model is measured and every register locked before there is a key.
pub fn boot(
    engine: Engine,
    attester: Box<dyn Attester>,
    session_limits: SessionLimits,
) -> Result<Service, BootError> {
    let engine = EngineHandle::spawn(engine).map_err(BootError::Thread)?;
    let model = claims(engine.info());
    let limits = Limits::new(
        NOTES,
        NOTE_BYTES,
        REQUEST_BYTES,
        IN_FLIGHT,
        model.labels.len(),
    );
    let rsa_oaep = rsa_oaep::PrivateKey::generate(&mut UnwrapErr(SysRng))?;
    Ok(Service {
        enclave: Enclave::new(Some(rsa_oaep), model, limits, session_limits)?,
        attester,
        engine,
        limits: ServerLimits::default(),
        peer_cids: vec![PARENT_CID],
    })
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
