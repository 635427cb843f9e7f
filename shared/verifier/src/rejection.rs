//! Why a document was rejected.

use crate::appraisal::AppraisalError;
use crate::chain::ChainError;
use crate::check::Check;
use crate::document::{EnvelopeError, PayloadError, StructureError};
use crate::evidence::BindingError;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It
/// never repeats the payload's texts or bytes, other than measurements and dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The CBOR is not well-formed, or beyond the limits.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// The COSE envelope deviates.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A field of the payload deviates.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The certificate chain or a signature does not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The document is genuine, but not what the policy asks for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
    /// The document is not bound to this session.
    #[error(transparent)]
    Binding(#[from] BindingError),
}

impl Rejection {
    /// The step of the checklist that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Structure(error) => error.check(),
            Self::Envelope(error) => error.check(),
            Self::Payload(error) => error.check(),
            Self::Chain(error) => error.check(),
            Self::Appraisal(error) => error.check(),
            Self::Binding(_) => Check::X8,
        }
    }
}
