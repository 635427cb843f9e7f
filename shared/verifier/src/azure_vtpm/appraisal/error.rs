//! Why genuine evidence of a vTPM was rejected.

use crate::azure_vtpm::checks;
use crate::azure_vtpm::hcl::Tee;
use crate::check::Check;

/// The evidence is genuine, but not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppraisalError {
    /// V3: no rules for this hardware.
    #[error("the guest runs on {}, and the policy's azure-vtpm has no rules for it", .0.name())]
    TeeNotListed(Tee),
    /// V2: the key is not the paravisor's.
    #[error(
        "the hardware's report_data is not the digest of var_data: its keys are not the paravisor's"
    )]
    VarData,
    /// V7: cut or padded.
    #[error("qualifyingData has {found} bytes, {due} are due")]
    QualifyingDataLength {
        /// Length in bytes.
        found: usize,
        /// The length that is due.
        due: usize,
    },
    /// B1: bound to something else.
    #[error("the quote's qualifyingData is not what is due: it is bound to another session")]
    QualifyingData,
    /// V8: more registers than are asked for, or fewer.
    #[error("the quote is of the registers {}, which no set of {} asks for", list(.registers), .tee.name())]
    Selection {
        /// The hardware.
        tee: Tee,
        /// The registers' numbers.
        registers: Vec<u8>,
    },
    /// V8: another guest.
    #[error("register {register} is {actual}, with which no set matches")]
    Register {
        /// Its number: the first that differs from the set that matches furthest.
        register: u8,
        /// Its value in hex.
        actual: String,
    },
    /// V8: a guest whose time is over.
    #[error("the measurement set {label:?} has expired")]
    SetExpired {
        /// Its label.
        label: String,
    },
}

fn list(registers: &[u8]) -> String {
    let numbers: Vec<String> = registers.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

impl AppraisalError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::TeeNotListed(_) => checks::V3,
            Self::VarData => checks::V2,
            Self::QualifyingDataLength { .. } => checks::V7,
            Self::QualifyingData => checks::B1,
            Self::Selection { .. } | Self::Register { .. } | Self::SetExpired { .. } => checks::V8,
        }
    }
}
