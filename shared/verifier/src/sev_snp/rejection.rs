//! Why a report was rejected.

use super::appraisal::AppraisalError;
use super::chain::ChainError;
use super::report::ReportError;
use crate::check::Check;
use crate::sev_snp::checks;
use sealnote_evidence::MapError;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It never repeats texts or
/// bytes of the evidence, other than measurements, digests, versions and dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The evidence of a session is not the map that is due (S1).
    #[error("the evidence {0}")]
    Evidence(MapError),
    /// The report is not what AMD's firmware makes.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The endorsements or a signature do not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The report is genuine, but not what was asked for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Evidence(_) => checks::S1,
            Self::Report(error) => error.check(),
            Self::Chain(error) => error.check(),
            Self::Appraisal(error) => error.check(),
        }
    }
}
