//! Why a token was rejected that is what it says it is.

use crate::check::Check;
use crate::tdx::TcbStatus;
use crate::time::UnixTime;
use crate::token::checks;
use crate::token::claims::ClaimFault;
use crate::token::profile::Svn;

/// The token is genuine, but not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppraisalError {
    /// J7: no issuer.
    #[error("no issuer: {0}")]
    NoIssuer(ClaimFault),
    /// J7: another issuer.
    #[error("the token's issuer is none that the policy names")]
    OtherIssuer,
    /// J8: another audience.
    #[error("the token's audience is not the one that the policy names")]
    Audience,
    /// J9: a time is absent.
    #[error("no validity: {0}")]
    NoTime(ClaimFault),
    /// J9: too early.
    #[error("the token is valid from {from}, and it is {now}")]
    NotYetValid {
        /// When it starts.
        from: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// J9: too late.
    #[error("the token was valid until {until}, and it is {now}")]
    Expired {
        /// When it ended.
        until: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// J10: nothing that carries a binding.
    #[error("nothing binds the token to a session: {0}")]
    Carried(ClaimFault),
    /// B1.
    #[error("the token is bound to something else than this session")]
    Binding,
    /// J11.
    #[error("the machine can be debugged or migrated: {0}")]
    Debug(ClaimFault),
    /// J14: the token does not say by which policy.
    #[error("no policy of the issuer's: {0}")]
    Policy(ClaimFault),
    /// J14: another policy.
    #[error("the issuer appraised by another policy of its own than ours names")]
    OtherPolicy,
    /// J13: the token does not say which TCB.
    #[error("no TCB: {0}")]
    TcbClaim(ClaimFault),
    /// J13: a word that is not accepted.
    #[error("the status of the TCB is none that the policy accepts")]
    TcbStatus,
    /// J13: a word that is no longer accepted.
    #[error("the status of the TCB is {actual}, which the policy accepted until {until}")]
    TcbStatusEnded {
        /// The status.
        actual: TcbStatus,
        /// The end.
        until: UnixTime,
    },
    /// J13: nothing to measure it by.
    #[error("the machine is an SEV-SNP guest, and the policy has no least_svn for this issuer")]
    NoFloor,
    /// J13: too old.
    #[error("the TCB {actual:?} is below the policy's {least:?}")]
    TcbFloor {
        /// In the token.
        actual: Svn,
        /// In the policy.
        least: Svn,
    },
    /// J12: the token does not say what was measured.
    #[error("no measurement: {0}")]
    Measured(ClaimFault),
    /// J12: no set has these values.
    #[error(
        "no measurement set has the token's values; its image, MRTD or launch digest is {actual}"
    )]
    Measurement {
        /// In hex.
        actual: String,
    },
    /// J12: the set has ended.
    #[error("the measurement set {label:?} has expired")]
    SetExpired {
        /// Its label.
        label: String,
    },
}

impl AppraisalError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::NoIssuer(_) | Self::OtherIssuer => checks::J7,
            Self::Audience => checks::J8,
            Self::NoTime(_) | Self::NotYetValid { .. } | Self::Expired { .. } => checks::J9,
            Self::Carried(_) => checks::J10,
            Self::Binding => checks::B1,
            Self::Debug(_) => checks::J11,
            Self::Policy(_) | Self::OtherPolicy => checks::J14,
            Self::TcbClaim(_)
            | Self::TcbStatus
            | Self::TcbStatusEnded { .. }
            | Self::NoFloor
            | Self::TcbFloor { .. } => checks::J13,
            Self::Measured(_) | Self::Measurement { .. } | Self::SetExpired { .. } => checks::J12,
        }
    }
}
