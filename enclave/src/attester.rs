//! Attesters: what gives evidence of the code that runs here (RFC 9334 §1).

pub mod nsm;
#[cfg(feature = "software-attester")]
pub mod software;

use sealnote_protocol::session::enclave::EvidenceRequest;
use thiserror::Error;

/// Gives an attestation document for a connection.
///
/// Blocking: a call takes the Nitro Security Module some milliseconds.
pub trait Attester: Send + Sync {
    /// A document whose `nonce`, `user_data` and `public_key` are the request's.
    fn attest(&self, request: &EvidenceRequest) -> Result<Vec<u8>, AttestError>;
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
