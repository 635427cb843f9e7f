//! Why a document was rejected.

use super::appraisal::AppraisalError;
use super::chain::ChainError;
use super::document::DocumentError;
use crate::check::Check;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It
/// never repeats the payload's texts or bytes, other than measurements and dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The document is not what a Nitro hypervisor makes.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The certificate chain or a signature does not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The document is genuine, but not what was asked for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Document(error) => error.check(),
            Self::Chain(error) => error.check(),
            Self::Appraisal(error) => error.check(),
        }
    }
}
