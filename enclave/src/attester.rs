//! Attesters: what gives evidence of the code that runs here (RFC 9334 §1).

pub mod azure_vtpm;
pub mod nsm;
pub mod sev_snp;
#[cfg(feature = "software-attester")]
pub mod software;
pub mod tdx;
pub mod tsm;

use std::sync::Arc;

use sealnote_key_release::evidence::Tee;
use sealnote_protocol::claims::PROTOCOL;
use sealnote_protocol::handshake::EvidenceKind;
use sealnote_protocol::session::enclave::Binding;
use thiserror::Error;

/// Gives evidence for a connection.
///
/// Blocking: a call takes the Nitro Security Module some milliseconds.
pub trait Attester: Send + Sync {
    /// The kind of its evidence.
    fn kind(&self) -> EvidenceKind;

    /// What endorses its evidence, for an attester that knows it by itself. Asked for after the evidence.
    fn endorsements(&self) -> Option<Arc<[u8]>> {
        None
    }

    /// The name under which the parent hands over what endorses its evidence; `None` if the evidence needs nothing
    /// beside it, or the attester knows it by itself.
    fn endorsed_as(&self) -> Option<&'static str> {
        None
    }

    /// Evidence that carries the binding, in the way of its kind.
    fn attest(&self, binding: &Binding) -> Result<Vec<u8>, AttestError>;

    /// For AWS KMS: a Nitro document that carries this key and these data, which are no session's.
    ///
    /// # Errors
    /// [`AttestError::NotOffered`] of every other kind.
    fn nitro_document(
        &self,
        _public_key: &[u8],
        _user_data: &[u8; 48],
    ) -> Result<Vec<u8>, AttestError> {
        Err(AttestError::NotOffered)
    }

    /// For a KBS: a report or quote that carries these data, which are no session's.
    ///
    /// # Errors
    /// [`AttestError::NotOffered`] of every other kind.
    fn tee(&self, _report_data: &[u8; 64]) -> Result<Tee, AttestError> {
        Err(AttestError::NotOffered)
    }
}

/// Why there is no evidence.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttestError {
    /// The Nitro Security Module gave none.
    #[error(transparent)]
    Nsm(#[from] nsm::NsmError),
    /// There is no SEV-SNP report.
    #[error(transparent)]
    SevSnp(#[from] sev_snp::SevSnpError),
    /// There is no TDX quote.
    #[error(transparent)]
    Tdx(#[from] tdx::TdxError),
    /// There is no quote of a vTPM.
    #[error(transparent)]
    AzureVtpm(#[from] azure_vtpm::AzureVtpmError),
    /// The machine gives no evidence of the kind that a key service takes.
    #[error("this machine gives no evidence of the kind that the key service takes")]
    NotOffered,
    /// The software attester failed.
    #[error("the software attester: {0}")]
    Software(String),
}

/// The 64 bytes that evidence of the kinds with one field for all of it carries.
fn report_data(kind: EvidenceKind, binding: &Binding) -> [u8; 64] {
    let bound = sealnote_evidence::Binding {
        protocol: PROTOCOL,
        challenge: binding.challenge,
        claims: binding.claims,
    };
    bound.report_data(kind.0, binding.public_key.as_deref())
}
