//! What can be wrong with a report before anything is believed.

use super::REPORT_LEN;
use crate::check::Check;
use crate::sev_snp::checks;

/// The report is not what AMD's firmware makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// S1: another length.
    #[error("the report has {found} bytes, not {REPORT_LEN}")]
    Length {
        /// Length in bytes.
        found: usize,
    },
    /// S2: another version.
    #[error("the report has version {found}; versions 2 to 5 are known")]
    Version {
        /// The version.
        found: u32,
    },
    /// S3: something in a reserved place.
    #[error("the report has something at offset {offset:#x}, which is reserved and must be zero")]
    Reserved {
        /// The byte, or the first byte of the field.
        offset: usize,
    },
    /// S4: another algorithm.
    #[error("the report is signed with algorithm {found}, not 1 (ECDSA P-384 with SHA-384)")]
    Algorithm {
        /// Its number.
        found: u32,
    },
}

impl ReportError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        match self {
            Self::Length { .. } => checks::S1,
            Self::Version { .. } => checks::S2,
            Self::Reserved { .. } => checks::S3,
            Self::Algorithm { .. } => checks::S4,
        }
    }
}
