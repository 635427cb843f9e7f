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
    /// There is no Nitro Security Module here.
    #[error(
        "/dev/nsm cannot be opened: this is not a Nitro enclave (or its nsm driver is not loaded). \
         Run the image with `nitro-cli run-enclave`, or use a development build with \
         --attester software"
    )]
    NoDevice,
    /// The module refused the request.
    #[error("the Nitro Security Module refused to attest: {0}")]
    Refused(String),
    /// The software attester failed.
    #[error("the software attester: {0}")]
    Software(String),
}
