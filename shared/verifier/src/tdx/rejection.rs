//! Why a quote was rejected.

use super::appraisal::AppraisalError;
use super::chain::ChainError;
use super::event_log::EventLogError;
use super::quote::QuoteError;
use crate::check::Check;
use crate::tdx::checks;
use sealnote_evidence::MapError;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It never repeats texts or
/// bytes of the evidence, other than measurements, digests, versions, dates and the names of Intel's advisories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The evidence of a session is not the map that is due (T1).
    #[error("the evidence {0}")]
    Evidence(MapError),
    /// The quote is not what a TDX machine makes.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The collateral or a signature does not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The quote is genuine, but not what was asked for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
    /// The event log is not the quote's.
    #[error(transparent)]
    EventLog(#[from] EventLogError),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Evidence(_) => checks::T1,
            Self::Quote(error) => error.check(),
            Self::Chain(error) => error.check(),
            Self::Appraisal(error) => error.check(),
            Self::EventLog(error) => error.check(),
        }
    }
}
