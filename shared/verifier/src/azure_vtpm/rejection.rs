//! Why evidence of a vTPM was rejected.

use super::appraisal::AppraisalError;
use super::attestation_key::KeyError;
use super::checks;
use super::hcl::HclError;
use super::pcrs::PcrError;
use super::quote::QuoteError;
use crate::check::Check;
use crate::sev_snp;
use crate::tdx;
use sealnote_evidence::MapError;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It never repeats texts or
/// bytes of the evidence, other than measurements, digests, versions and dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The evidence of a session is not the map that is due (V1).
    #[error("the evidence {0}")]
    Evidence(MapError),
    /// The HCL report is not what the paravisor makes.
    #[error(transparent)]
    Hcl(#[from] HclError),
    /// The SEV-SNP report failed a check of its own, which keeps its identifier.
    #[error(transparent)]
    SevSnp(#[from] sev_snp::Rejection),
    /// The TD quote failed a check of its own, which keeps its identifier.
    #[error(transparent)]
    Tdx(#[from] tdx::Rejection),
    /// There is no attestation key that could be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The quote is none, or is not signed.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The values of the registers are not the quote's.
    #[error(transparent)]
    Pcrs(#[from] PcrError),
    /// The evidence is genuine, but not what was asked for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Evidence(_) => checks::V1,
            Self::Hcl(error) => error.check(),
            Self::SevSnp(rejection) => rejection.check(),
            Self::Tdx(rejection) => rejection.check(),
            Self::Key(error) => error.check(),
            Self::Quote(error) => error.check(),
            Self::Pcrs(error) => error.check(),
            Self::Appraisal(error) => error.check(),
        }
    }
}
