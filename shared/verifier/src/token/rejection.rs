//! Why a token was rejected.

use super::appraisal::AppraisalError;
use super::checks;
use super::jws::{HeaderError, TokenError};
use super::keys::KeyError;
use crate::check::Check;
use sealnote_evidence::MapError;

/// The first check that failed, with the facts that a user needs to act on.
///
/// `Display` is one line without the check's identifier, which [`check`](Self::check) gives. It never repeats texts of
/// the token, other than measurements and dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The evidence of a session is not the map that is due (J1).
    #[error("the evidence {0}")]
    Evidence(MapError),
    /// It is no token (J1).
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its header is not accepted.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The keys or the signature do not hold.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The token is genuine, but not what was asked for.
    #[error(transparent)]
    Appraisal(#[from] AppraisalError),
}

impl Rejection {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Evidence(_) | Self::Token(_) => checks::J1,
            Self::Header(error) => error.check(),
            Self::Key(error) => error.check(),
            Self::Appraisal(error) => error.check(),
        }
    }
}
