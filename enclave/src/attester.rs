//! Attesters: what gives evidence of the code that runs here (RFC 9334 §1).

pub mod nsm;
#[cfg(feature = "software-attester")]
pub mod software;

use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

/// Gives evidence for a connection.
///
/// Blocking: a call takes the Nitro Security Module some milliseconds.
pub trait Attester: Send + Sync {
    /// The kind of its evidence.
    fn kind(&self) -> EvidenceKind;

    /// Evidence that carries the binding, in the way of its kind.
    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError>;
}

/// Why there is no evidence.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttestError {
    /// The Nitro Security Module gave none.
    #[error(transparent)]
    Nsm(#[from] nsm::NsmError),
    /// The software attester failed.
    #[error("the software attester: {0}")]
    Software(String),
}
