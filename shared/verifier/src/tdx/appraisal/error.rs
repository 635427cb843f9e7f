//! Why a genuine quote was rejected.

use crate::check::Check;
use crate::tdx::checks;
use crate::tdx::tcb::TcbStatus;
use crate::time::UnixTime;

/// What is forbidden of a guest's attributes, whatever the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeFault {
    /// The host can read its memory.
    #[error("may be debugged by its host: nothing in it is secret")]
    Debug,
    /// The host sees what it does.
    #[error("is profiled by its host")]
    Profiling,
    /// It can be moved.
    #[error("may be migrated to another machine")]
    Migratable,
    /// A service TD that is named apart.
    #[error("may be extended by a service TD")]
    ServiceTd,
    /// Bits that have no meaning.
    #[error("has attributes that are reserved")]
    Reserved,
    /// The host can inject faults on pages that are pending.
    #[error(
        "runs without SEPT_VE_DISABLE: its host can make it trust pages that it never accepted"
    )]
    SeptVe,
}

/// The quote is genuine, but not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppraisalError {
    /// T10: another kind of platform.
    #[error("the TCB info is of FMSPC {tcb_info}, the platform is of {platform}")]
    Fmspc {
        /// The TCB info's, as it was signed.
        tcb_info: String,
        /// The PCK certificate's, in hex.
        platform: String,
    },
    /// T10: another PCE.
    #[error("the TCB info is of another PCE than the platform's")]
    PceId,
    /// T12: nothing is said of the module.
    #[error("the TCB info does not name the platform's TDX module (version {version})")]
    UnknownModule {
        /// Its major version.
        version: u8,
    },
    /// T12: another signer or other attributes.
    #[error("the TDX module's signer or attributes are not those of the TCB info")]
    Module,
    /// T12: not in the policy.
    #[error("the TDX module's measurement (MRSEAM) {actual} is in no set of the policy")]
    MrSeam {
        /// The quote's, in hex.
        actual: String,
    },
    /// T16.
    #[error("the guest {0}")]
    Attributes(AttributeFault),
    /// T21: another TD has a say.
    #[error("a service TD is bound to the guest")]
    ServiceTd,
    /// B1: bound to something else.
    #[error("the quote's report_data is not what is due: it is bound to another session")]
    ReportData,
    /// T11: the keys are compromised.
    #[error("Intel has revoked the platform's TCB: its keys are compromised")]
    Revoked,
    /// T11: older than all that Intel still names.
    #[error("the platform's TCB is older than every one that the collateral names")]
    NoTcbLevel,
    /// T11: the other verifier found what no step here did.
    #[error("dcap-qvl refuses the quote, for a reason that no other step has found")]
    Engine,
    /// T11: not in the policy.
    #[error(
        "the status of the platform's TCB is {actual}, which the policy's accept_status does not name"
    )]
    Status {
        /// The status.
        actual: TcbStatus,
    },
    /// T11: no longer in the policy.
    #[error(
        "the status of the platform's TCB is {actual}, which the policy accepted until {until}"
    )]
    StatusEnded {
        /// The status.
        actual: TcbStatus,
        /// The end.
        until: UnixTime,
    },
    /// T13: old collateral, which may not know of the newest attacks.
    #[error("the collateral's TCB evaluation data number is {actual}, the policy asks for {least}")]
    EvaluationNumber {
        /// The lesser of TCB info's and QE identity's.
        actual: u32,
        /// The policy's.
        least: u32,
    },
    /// T14: old collateral.
    #[error("the collateral is {age} s old, the policy allows {max} s; fetch fresh collateral")]
    CollateralAge {
        /// The age of its oldest part in seconds.
        age: u64,
        /// The greatest age in seconds.
        max: u64,
    },
    /// T15: a weakness that the policy names.
    #[error("{advisory} applies to the platform, and the policy rejects it")]
    Advisory {
        /// As the policy spells it.
        advisory: String,
    },
    /// T17: other features.
    #[error("the guest's extended features (XFAM) {actual} are in no set of this TDX module")]
    Xfam {
        /// The quote's, in hex.
        actual: String,
    },
    /// T18: another image.
    #[error("the measurement (MRTD) {actual} is in no set of this TDX module and XFAM")]
    Mrtd {
        /// The quote's, in hex.
        actual: String,
    },
    /// T18: an image whose time is over.
    #[error("the measurement set {label:?} has expired")]
    SetExpired {
        /// Its label.
        label: String,
    },
    /// T19: other runtime measurements.
    #[error("RTMR{register} is {actual}, as in no set of this measurement")]
    Rtmr {
        /// The first that differs from every set.
        register: usize,
        /// The quote's, in hex.
        actual: String,
    },
    /// T20: another configuration or owner.
    #[error("{field} is {actual}, as in no set of these measurements")]
    Host {
        /// Which.
        field: &'static str,
        /// The quote's, in hex.
        actual: String,
    },
    /// T23: another kind of platform.
    #[error("the platform's FMSPC {actual} is not one that the policy's fmspcs name")]
    FmspcNotListed {
        /// In hex.
        actual: String,
    },
    /// T23: another platform.
    #[error("the platform is not one that the policy's ppids name")]
    PpidNotListed,
}

impl AppraisalError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Fmspc { .. } | Self::PceId => checks::T10,
            Self::UnknownModule { .. } | Self::Module | Self::MrSeam { .. } => checks::T12,
            Self::Attributes(_) => checks::T16,
            Self::ServiceTd => checks::T21,
            Self::ReportData => checks::B1,
            Self::Revoked
            | Self::NoTcbLevel
            | Self::Engine
            | Self::Status { .. }
            | Self::StatusEnded { .. } => checks::T11,
            Self::EvaluationNumber { .. } => checks::T13,
            Self::CollateralAge { .. } => checks::T14,
            Self::Advisory { .. } => checks::T15,
            Self::Xfam { .. } => checks::T17,
            Self::Mrtd { .. } | Self::SetExpired { .. } => checks::T18,
            Self::Rtmr { .. } => checks::T19,
            Self::Host { .. } => checks::T20,
            Self::FmspcNotListed { .. } | Self::PpidNotListed => checks::T23,
        }
    }
}
