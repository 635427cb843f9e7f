//! V1: the HCL report (OpenHCL's `IgvmAttestRequestBase` and what follows it; all numbers little-endian).
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 32 | `HCLA`, version, length of all but the padding, type of request, status, 12 reserved |
//! | 32 | 1,184 | the hardware's report: SEV-SNP's, or TDX's TDREPORT and zeros |
//! | 1,216 | 20 | length from here, version, kind of report, digest of `var_data`, length of `var_data` |
//! | 1,236 | | `var_data`, JSON; then zeros |
//!
//! The TDREPORT is not read: only the machine that made it could check it. The TD quote stands for it.

use serde::{Deserialize, Serialize};

use super::checks;
use crate::check::Check;

/// Greatest length in bytes: no NV index of a vTPM has more.
pub const MAX_HCL_REPORT: usize = 4096;

const REPORT: usize = 32;
const DATA: usize = 1216;
const VAR_DATA: usize = 1236;

/// Length of a TDREPORT.
const TDREPORT_LEN: usize = 1024;

const SIGNATURE: u32 = u32::from_le_bytes(*b"HCLA");
const REQUEST_OF_AK: u32 = 2;
const DATA_VERSION: u32 = 1;
const SEV_SNP: u32 = 2;
const TDX: u32 = 4;
const SHA256: u32 = 1;

/// The hardware under a paravisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tee {
    /// AMD SEV-SNP.
    SevSnp,
    /// Intel TDX.
    Tdx,
}

/// Not an HCL report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HclError {
    /// Too short or too long.
    #[error("the HCL report has {found} bytes; it has {} to {MAX_HCL_REPORT}", VAR_DATA + 1)]
    Length {
        /// Length in bytes.
        found: usize,
    },
    /// A field of another value.
    #[error("the HCL report's {field} is {found}, which is not known here")]
    Field {
        /// Its name.
        field: &'static str,
        /// Its value.
        found: u32,
    },
    /// Lengths that contradict each other.
    #[error("the HCL report's lengths do not agree")]
    Lengths,
    /// Something where zeros are due.
    #[error("the HCL report has something at offset {offset}, where zeros are due")]
    NotZero {
        /// The first such byte.
        offset: usize,
    },
    /// A TD quote where there is none, or none where there is one.
    #[error("a TD quote is due beside an HCL report of tdx, and there alone; this one is of {}", .0.name())]
    TdQuote(Tee),
}

impl HclError {
    /// The step that failed.
    pub fn check(&self) -> Check {
        checks::V1
    }
}

impl Tee {
    /// As policies and JSON have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SevSnp => "sev-snp",
            Self::Tdx => "tdx",
        }
    }
}

/// An HCL report that has its structure.
pub(super) struct HclReport<'a> {
    pub(super) tee: Tee,
    /// SEV-SNP's report, or zeros behind a TDREPORT.
    pub(super) hardware: &'a [u8],
    pub(super) var_data: &'a [u8],
}

/// V1.
pub(super) fn parse(bytes: &[u8]) -> Result<HclReport<'_>, HclError> {
    let found = bytes.len();
    if !(VAR_DATA + 1..=MAX_HCL_REPORT).contains(&found) {
        return Err(HclError::Length { found });
    }
    let known = |field, offset, known: &[u32]| {
        let found = u32_at(bytes, offset);
        match known.contains(&found) {
            true => Ok(found),
            false => Err(HclError::Field { field, found }),
        }
    };
    known("signature", 0, &[SIGNATURE])?;
    known("version", 4, &[1, 2])?;
    known("type of request", 12, &[REQUEST_OF_AK])?;
    known("status", 16, &[0])?;
    known("version of data", DATA + 4, &[DATA_VERSION])?;
    let tee = match known("kind of report", DATA + 8, &[SEV_SNP, TDX])? {
        SEV_SNP => Tee::SevSnp,
        _ => Tee::Tdx,
    };
    known("kind of digest", DATA + 12, &[SHA256])?;
    let len_at = |offset| u32_at(bytes, offset) as usize;
    let var_len = len_at(DATA + 16);
    let end = VAR_DATA.saturating_add(var_len);
    if var_len == 0 || end > found || len_at(8) != end || len_at(DATA) != end - DATA {
        return Err(HclError::Lengths);
    }
    let mut zeros = vec![20..REPORT, end..found];
    if tee == Tee::Tdx {
        zeros.push(REPORT + TDREPORT_LEN..DATA);
    }
    match zeros.into_iter().flatten().find(|at| bytes[*at] != 0) {
        Some(offset) => Err(HclError::NotZero { offset }),
        None => Ok(HclReport {
            tee,
            hardware: &bytes[REPORT..DATA],
            var_data: &bytes[VAR_DATA..end],
        }),
    }
}

/// The number at one of the offsets above, all of which are within the least length.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}
